import { roleOf } from './scenarios/role-process.js';

async function runCommand([name, ...rest]: string[]): Promise<void> {
  const { runCommandLine } = await import('../engine/platform/command-line.js');
  if (name === 'questions') {
    const { QUESTIONS } = await import('./questions/options.js');
    await runCommandLine(QUESTIONS, (await import('./questions/main.js')).runQuestions, rest);
    return;
  }
  if (name === 'views') {
    const { VIEWS } = await import('./questions/options.js');
    await runCommandLine(VIEWS, (await import('./questions/main.js')).runViews, rest);
    return;
  }
  const { LOADTEST } = await import('./scenarios/options.js');
  await runCommandLine(LOADTEST, (await import('./scenarios/command.js')).runLoadtest);
}

/**
 * `npm run loadtest -- [scenario …]`. The processes it starts beside the stack run this file too, each under the name
 * of its role, and load only what the role needs.
 */
switch (roleOf(process.argv[2])) {
  case 'generator':
    (await import('./scenarios/generator.js')).runGenerator();
    break;
  case 'bare':
    (await import('./baselines/bare.js')).runBareServer();
    break;
  case 'script':
    (await import('./baselines/script.js')).runScriptBaseline();
    break;
  case 'limiter':
    (await import('./peers/limiter.js')).runLimiterServer();
    break;
  case undefined:
    await runCommand(process.argv.slice(2));
}
