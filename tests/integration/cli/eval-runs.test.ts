import t from 'tap';
import { run } from './cli-app.js';

t.test('what is required of an evaluation is looked at before anything is asked', async (t) => {
  const show = (...required: string[]) =>
    run('--url', 'http://gateway.test', 'eval', 'show', 'eval_1', '--tenant', 'bank', '--require', ...required);
  t.match(await show('facts>=0.8'), { code: 2, err: /facts is none of questions, fact, fact_cited, / });
  // What is left where nothing was quoted.
  t.match(await show('fact'), { code: 2, err: /must look like 'fact>=0\.8', in quotes/ });
  t.match(await show('questions>=30', 'fact>=0.8'), { code: 2, err: /name an admin key/ });
});
