import path from 'node:path';
import { typedMetadata } from './metadata.js';
import { type GgufFile, readGguf } from './reader.js';

/** As llama.cpp names the parts of one model. */
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;

/** The names of all parts of the model that this file is one of, or the name alone. */
export function partsOfModel(name: string): string[] {
  const [, stem, , last] = PART.exec(name) ?? [];
  if (last === undefined) return [name];
  return Array.from({ length: Number(last) }, (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${last}.gguf`);
}

/**
 * Opens a GGUF model: one file, or the first of its parts, which has the metadata; the others lie beside it.
 * @throws AppError `model_invalid` where a part is missing, belongs to another model or repeats a tensor
 */
export function openGguf(file: string): GgufFile {
  const folder = path.dirname(file);
  const paths = partsOfModel(path.basename(file)).map((name) => path.join(folder, name));
  const opened: GgufFile[] = [];
  const close = () => {
    for (const part of opened) part.close();
  };
  try {
    for (const part of paths) opened.push(readGguf(part));
    const first = opened[0]!;
    const tensors = new Map(first.tensors);
    for (const [i, part] of opened.entries()) {
      const metadata = typedMetadata(part);
      if (metadata.number('split.count', 1) !== opened.length || metadata.number('split.no', 0) !== i) {
        throw part.file.invalid(`it is not part ${i + 1} of ${opened.length}; name the first part, with all beside it`);
      }
      if (i === 0) continue;
      for (const [name, tensor] of part.tensors) {
        if (tensors.has(name)) throw part.file.invalid(`the tensor ${name} is in an earlier part, too`);
        tensors.set(name, tensor);
      }
    }
    return { ...first, tensors, paths, close };
  } catch (error) {
    close();
    throw error;
  }
}
