/**
 * Fill in the middle as editors ask for it: holes in functions of installed packages, here and at llama.cpp's own server
 * with the same file and the same request; then the time to the first text while somebody types.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../src/config/load.js';
import { readBaseManifest } from '../src/layouts/manifest.js';
import { editSimilarity, fillHole, isExact } from './infill/complete.js';
import { type CodeHole, chooseHoles, type HoleKind } from './infill/holes.js';
import { typeCharacters } from './infill/typing.js';
import { quantile } from './load.js';
import type { Bench } from './main.js';
import { gateway } from './peers/gateway.js';
import { llamaServer } from './peers/llama-server.js';
import { fetchModelFile } from './peers/model-file.js';
import type { PeerContext, PeerServer } from './peers/peer.js';

const HOLES = { quick: 20, whole: 100 };
const TYPED_CHARACTERS = { quick: 40, whole: 200 };

interface Filled {
  readonly hole: CodeHole;
  readonly given: string;
}

const run: Bench = async ({ quick, say }) => {
  const mode = quick ? 'quick' : 'whole';
  const config = loadConfig();
  const modelDir = path.join(config.dataDir, 'models', config.models.base);
  const manifest = await readBaseManifest(modelDir);
  if (manifest.tokenizer.fim === null) {
    throw new Error(`${manifest.id} has no fill-in-the-middle tokens; name one that has by SWITCHYARD_MODELS_BASE`);
  }
  const workDir = mkdtempSync(path.join(os.tmpdir(), 'switchyard-infill-'));
  const modelFile = await fetchModelFile(config, say);
  const context: PeerContext = { modelFile, modelDir, manifest, adapters: [], workDir, say };
  const holes = chooseHoles(HOLES[mode]);
  try {
    const ours = await withServer(gateway.start(context), async (server) => ({
      filled: await fillAll(server, holes),
      typing: await typeCharacters(server, manifest.id, TYPED_CHARACTERS[mode]),
    }));
    await llamaServer.install(context);
    const theirs = await withServer(llamaServer.start(context), (server) => fillAll(server, holes));
    for (const kind of ['line', 'block'] as const) {
      say(`${kind}: Switchyard ${describe(ours.filled, kind)}, llama.cpp ${describe(theirs, kind)}`);
    }
    return {
      exact_match: exactMatch(ours.filled),
      edit_similarity: similarity(ours.filled),
      exact_match_llama: exactMatch(theirs),
      edit_similarity_llama: similarity(theirs),
      first_token_p50_ms: rounded(quantile(ours.typing, 0.5)),
      first_token_p95_ms: rounded(quantile(ours.typing, 0.95)),
    };
  } finally {
    rmSync(workDir, { recursive: true });
  }
};
export default run;

async function withServer<T>(starting: Promise<PeerServer>, use: (server: PeerServer) => Promise<T>): Promise<T> {
  const server = await starting;
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

/** One after another, as one editor asks. */
async function fillAll(server: PeerServer, holes: readonly CodeHole[]): Promise<Filled[]> {
  const filled: Filled[] = [];
  for (const hole of holes) filled.push({ hole, given: await fillHole(server, hole) });
  return filled;
}

function describe(filled: readonly Filled[], kind: HoleKind): string {
  const some = filled.filter(({ hole }) => hole.kind === kind);
  return `${exactMatch(some)} exact, ${similarity(some)} similar`;
}

const exactMatch = (filled: readonly Filled[]): number =>
  mean(filled, ({ hole, given }) => Number(isExact(given, hole.middle)));
const similarity = (filled: readonly Filled[]): number =>
  mean(filled, ({ hole, given }) => editSimilarity(given, hole.middle));

function mean(filled: readonly Filled[], value: (one: Filled) => number): number {
  return rounded(filled.reduce((sum, one) => sum + value(one), 0) / filled.length);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
