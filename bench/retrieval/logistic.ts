/** Keeps weights of features that say the same from growing against each other. */
const RIDGE = 1e-3;
const ROUNDS = 60;

/** @param coefficients intercept, then a weight a feature */
export function dot([intercept, ...weights]: readonly number[], features: readonly number[]): number {
  return weights.reduce((sum, weight, index) => sum + weight * features[index]!, intercept!);
}

/** Logistic regression by Newton's method. Returns the intercept, then a weight a feature. @param counts how often each row counts */
export function fitLogistic(
  rows: readonly (readonly number[])[],
  labels: readonly boolean[],
  counts: readonly number[],
): number[] {
  const size = rows[0]!.length + 1;
  let coefficients = new Array<number>(size).fill(0);
  for (let round = 0; round < ROUNDS; round++) {
    const gradient = coefficients.map((value) => RIDGE * value);
    const curvature = coefficients.map((_, a) => coefficients.map((__, b) => (a === b ? RIDGE : 0)));
    for (const [index, features] of rows.entries()) {
      const inputs = [1, ...features];
      const probability = 1 / (1 + Math.exp(-dot(coefficients, features)));
      const error = counts[index]! * (probability - Number(labels[index]));
      const weight = counts[index]! * probability * (1 - probability);
      for (let a = 0; a < size; a++) {
        gradient[a]! += error * inputs[a]!;
        for (let b = 0; b < size; b++) curvature[a]![b]! += weight * inputs[a]! * inputs[b]!;
      }
    }
    const step = solve(curvature, gradient);
    coefficients = coefficients.map((value, index) => value - step[index]!);
  }
  return coefficients;
}

/** Gauss' elimination with pivots; the arguments are used up. */
function solve(matrix: number[][], values: number[]): number[] {
  for (let column = 0; column < values.length; column++) {
    let pivot = column;
    for (let row = column; row < values.length; row++) {
      if (Math.abs(matrix[row]![column]!) > Math.abs(matrix[pivot]![column]!)) pivot = row;
    }
    [matrix[column], matrix[pivot]] = [matrix[pivot]!, matrix[column]!];
    [values[column], values[pivot]] = [values[pivot]!, values[column]!];
    for (let row = 0; row < values.length; row++) {
      if (row === column) continue;
      const factor = matrix[row]![column]! / matrix[column]![column]!;
      for (let at = column; at < values.length; at++) matrix[row]![at]! -= factor * matrix[column]![at]!;
      values[row]! -= factor * values[column]!;
    }
  }
  return values.map((value, row) => value / matrix[row]![row]!);
}
