/**
 * The peers on this machine beside us: each is started here, and both are driven through the same load generator, in
 * turns, with the same prompts, lengths and adapters. What a peer needs is installed once, into a folder that git
 * ignores; one that cannot be had is left out. A whole run writes its table and plot into docs/.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../src/config/load.js';
import { readBaseManifest } from '../src/layouts/manifest.js';
import type { Bench } from './main.js';
import { writePeerAdapters } from './peers/adapters.js';
import { type Compared, compare, ratioOf } from './peers/compare.js';
import { gateway } from './peers/gateway.js';
import { llamaServer } from './peers/llama-server.js';
import { fetchModelFile } from './peers/model-file.js';
import { type Peer, type PeerContext, type PeerServer, SLOTS } from './peers/peer.js';
import { createPrompts } from './peers/prompts.js';
import { type Opponent, type Run, table, writeReport } from './peers/report.js';
import { LONGEST_PROMPT, scenarios } from './peers/scenarios.js';
import { transformersJs } from './peers/transformers-js.js';
import { vllm } from './peers/vllm.js';

const ROUNDS = { quick: 1, whole: 5 };
const ANSWER_TOKENS = { quick: 64, whole: 128 };

const run: Bench = async ({ quick, say }) => {
  const config = loadConfig();
  const model = config.models.base;
  const modelDir = path.join(config.dataDir, 'models', model);
  const manifest = await readBaseManifest(modelDir);
  const modelFile = await fetchModelFile(config, say);
  const workDir = mkdtempSync(path.join(os.tmpdir(), 'switchyard-peers-'));
  const adapters = writePeerAdapters(path.join(workDir, 'adapters'), manifest.shape, SLOTS);
  const context: PeerContext = { modelFile, modelDir, manifest, adapters, workDir, say };
  const prompts = await createPrompts(modelDir, manifest, LONGEST_PROMPT);
  const mode = quick ? 'quick' : 'whole';
  const course = { scenarios: scenarios(ANSWER_TOKENS[mode]), rounds: ROUNDS[mode], model, prompts, say };
  const opponents: Opponent[] = [];

  const ours = await gateway.start(context);
  const report: Run = {
    measures: course.scenarios.flatMap((scenario) => scenario.measures),
    rounds: course.rounds,
    ours: { name: gateway.name, server: ours },
    opponents,
  };
  try {
    for (const peer of [llamaServer, vllm, transformersJs]) {
      const able = course.scenarios.filter(({ adapters }) => !adapters || peer.adapters);
      const opponent = await meet(peer, context, (theirs) => compare(ours, theirs, { ...course, scenarios: able }));
      if (opponent) opponents.push(opponent);
    }
  } finally {
    await ours.stop();
    rmSync(workDir, { recursive: true });
  }
  if (opponents.length > 0) say(`\n${table(report)}\n`);
  if (!quick && opponents[0]?.name === llamaServer.name) writeReport(report);
  return figuresOf(opponents);
};
export default run;

/** Null, and a line that says why, where the peer cannot be had. */
async function meet(
  peer: Peer,
  context: PeerContext,
  against: (server: PeerServer) => Promise<Compared[]>,
): Promise<Opponent | null> {
  try {
    await peer.install(context);
    const server = await peer.start(context);
    context.say(`Switchyard and ${peer.name} in turns:`);
    try {
      return { name: peer.name, server, compared: await against(server) };
    } finally {
      await server.stop();
    }
  } catch (error) {
    context.say(`${peer.name} is left out: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

/** Ratios to llama.cpp by their own names, and of vLLM the one that has a bar. */
function figuresOf(opponents: readonly Opponent[]): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const { name, compared } of opponents) {
    for (const one of compared) {
      const ratio = Math.round(ratioOf(one) * 1000) / 1000;
      if (name === llamaServer.name) figures[one.figure] = ratio;
      else if (one.figure === 'eight_adapters') figures[`${one.figure}_${name.toLowerCase()}`] = ratio;
    }
  }
  return figures;
}
