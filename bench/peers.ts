/**
 * The peers on this machine beside us: each is started here, and all are driven through the same load generator, in
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
import { compare, type Entrant, ratioOf, type Standing } from './peers/compare.js';
import { gateway } from './peers/gateway.js';
import { llamaServer } from './peers/llama-server.js';
import { fetchModelFile } from './peers/model-file.js';
import { type Peer, type PeerContext, SLOTS } from './peers/peer.js';
import { pauseTree } from './peers/processes.js';
import { createPrompts } from './peers/prompts.js';
import { type Run, table, writeReport } from './peers/report.js';
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
  const adapters = writePeerAdapters(path.join(workDir, 'adapters'), manifest, SLOTS);
  const context: PeerContext = { modelFile, modelDir, manifest, adapters, workDir, say };
  const prompts = await createPrompts(modelDir, manifest, LONGEST_PROMPT);
  const mode = quick ? 'quick' : 'whole';
  const course = { scenarios: scenarios(ANSWER_TOKENS[mode]), rounds: ROUNDS[mode], model, prompts, say };

  const ours: Entrant = { name: gateway.name, server: await gateway.start(context), adapters: true };
  const peers: Entrant[] = [];
  try {
    pauseTree(ours.server.pid);
    for (const peer of [llamaServer, vllm, transformersJs]) {
      const entrant = await enter(peer, context);
      if (entrant) peers.push(entrant);
    }
    const [us, ...others] = await compare(ours, peers, course);
    const measures = course.scenarios.flatMap((scenario) => scenario.measures);
    const report: Run = { model, measures, rounds: course.rounds, ours: us!, peers: others };
    if (others.length > 0) say(`\n${table(report)}\n`);
    if (!quick && others[0]?.name === llamaServer.name) writeReport(report);
    return figuresOf(us!, others);
  } finally {
    for (const { server } of [ours, ...peers]) await server.stop();
    rmSync(workDir, { recursive: true });
  }
};
export default run;

/** Starts a peer, which does nothing until its turn comes. Null, and a line that says why, where it cannot be had. */
async function enter(peer: Peer, context: PeerContext): Promise<Entrant | null> {
  try {
    await peer.install(context);
    const server = await peer.start(context);
    pauseTree(server.pid);
    return { name: peer.name, server, adapters: peer.adapters };
  } catch (error) {
    context.say(`${peer.name} is left out: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

/** Ratios to llama.cpp by their own names, and of vLLM the one that has a bar. */
function figuresOf(ours: Standing, peers: readonly Standing[]): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const peer of peers) {
    for (const figure of ours.values.keys()) {
      const ratio = ratioOf(ours, peer, figure);
      if (ratio === undefined) continue;
      const rounded = Math.round(ratio * 1000) / 1000;
      if (peer.name === llamaServer.name) figures[figure] = rounded;
      else if (figure === 'eight_adapters') figures[`${figure}_${peer.name.toLowerCase()}`] = rounded;
    }
  }
  return figures;
}
