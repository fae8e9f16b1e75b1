import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Head } from './train-head.js';

const FILE = fileURLToPath(new URL('../../src/safety/injection-head.ts', import.meta.url));

/** Writes the head where the gateway has it. */
export function writeHead(embedder: string, { hidden, hiddenBias, output, outputBias }: Head): void {
  const base64 = (values: Float32Array) =>
    Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
  const fields = {
    embedder,
    hidden: base64(hidden),
    hiddenBias: base64(hiddenBias),
    output: base64(output),
    outputBias,
  };
  const lines = Object.entries(fields).map(([name, value]) => {
    const text = typeof value === 'number' ? String(value) : `'${value}'`;
    return text.length > 100 ? `  ${name}:\n    ${text},\n` : `  ${name}: ${text},\n`;
  });
  const head = `/** Trained by bench/safety/fit-injection.ts; little-endian float32 as base64. */\nexport const HEAD = {\n`;
  writeFileSync(FILE, `${head}${lines.join('')}};\n`);
}
