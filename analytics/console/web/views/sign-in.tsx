import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/http.js';
import { type Session, signIn } from '../api/session.js';
import { Logo } from '../parts/logo.js';

interface SignInProps {
  /** A session was over, so its owner knows why they are here. */
  readonly ended: boolean;
  onSignedIn(session: Session): void;
}

export function SignIn({ ended, onSignedIn }: SignInProps) {
  const [apiKey, setApiKey] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  useEffect(() => {
    document.title = 'Sign in · Weir';
  }, []);

  const fail = (message: string): void => {
    setProblem(message);
    setBusy(false);
    input.current?.focus();
    input.current?.select();
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    const trimmed = apiKey.trim();
    if (trimmed === '') {
      fail('Paste an API key first.');
      return;
    }
    setBusy(true);
    setProblem('');
    signIn(trimmed).then(
      (session) => (session === null ? fail('The server opened no session. Try again.') : onSignedIn(session)),
      (error: unknown) => fail(problemOf(error)),
    );
  };

  return (
    <main class="sign-in">
      <form class="sign-in-card" onSubmit={submit}>
        <div class="sign-in-brand">
          <Logo size={40} />
          <h1>Sign in to Weir</h1>
        </div>
        {ended && problem === '' && <p class="note">Your session is over. Sign in to go on where you were.</p>}
        <label for="api-key">API key</label>
        <input
          id="api-key"
          ref={input}
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          value={apiKey}
          aria-invalid={problem !== ''}
          aria-describedby={problem === '' ? 'api-key-hint' : 'api-key-problem'}
          onInput={(event) => setApiKey(event.currentTarget.value)}
        />
        {problem === '' ? (
          <p id="api-key-hint" class="hint">
            A key with the scope <code>read</code> or <code>admin</code>. <code>npm start</code> prints where the first
            one is.
          </p>
        ) : (
          <p id="api-key-problem" class="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Signing in …' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}

function problemOf(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  switch (error.code) {
    case 'invalid_key':
      return 'This key is unknown, or was revoked.';
    case 'forbidden':
      return 'This key may not read reports. Use one with the scope read or admin.';
    default:
      return error.message;
  }
}
