import { roleOf } from './scenarios/role-process.js';

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
    process.exitCode =
      process.argv[2] === 'questions'
        ? await (await import('./questions/main.js')).runQuestions(process.argv.slice(3))
        : await (await import('./scenarios/command.js')).runCommand(process.argv.slice(2));
}
