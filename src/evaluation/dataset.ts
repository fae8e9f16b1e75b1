import type { EvalQuestion } from '../contracts/evaluations.js';
import { AppError } from '../errors/app-error.js';
import { readTextFile } from '../files/text-file.js';
import { flawOf, parseQuestions } from './question-lines.js';

/**
 * Reads a set of questions, one JSON object a line.
 * @throws AppError `invalid_value` that names file and line
 */
export function readDataset(file: string): EvalQuestion[] {
  return parseQuestions(readTextFile(file), file, refusal);
}

/** @param place for the message. @throws AppError `invalid_value` where what it says of its answer does not go together */
export function checkQuestion(question: EvalQuestion, place: string): void {
  const flaw = flawOf(question);
  if (flaw !== null) throw refusal(place, flaw);
}

const refusal = (param: string, reason: string) => new AppError('invalid_value', { param, reason });
