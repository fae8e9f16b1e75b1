import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openGgufDecoder } from '../../src/model-import/gguf/decoder.js';
import { readGguf } from '../../src/model-import/gguf/reader.js';
import { huggingFaceConfig } from './dequantized-model.js';
import { installFolder, type Peer, type PeerContext, THREADS } from './peer.js';
import { freePort, startServer } from './processes.js';
import { writeTransformersGraph } from './transformers-graph.js';

const SERVER = path.join(import.meta.dirname, 'transformers-js-server.ts');
const PACKAGE = path.resolve(import.meta.dirname, '../../node_modules/@huggingface/transformers/package.json');
const START_TIMEOUT_MS = 60_000;

/** transformers.js' `generate()`, which knows no adapters, over an ONNX graph in the shape it expects. */
export const transformersJs: Peer = {
  name: 'transformers.js',
  adapters: false,
  async install(context) {
    if (!existsSync(modelFolder())) writeModel(context, modelFolder());
  },
  async start({ workDir }) {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const program = {
      command: process.execPath,
      args: ['--import=tsx', SERVER, modelFolder(), String(port), String(THREADS)],
      logFile: path.join(workDir, 'transformers-js.log'),
    };
    const { pid, stop } = await startServer(program, url, START_TIMEOUT_MS);
    return {
      pid,
      url,
      headers: {},
      version: (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version,
      command: 'AutoModelForCausalLM.generate(), 4-bit ONNX, onnxruntime-node',
      fields: () => ({}),
      stop,
    };
  },
};

const modelFolder = () => path.join(installFolder('transformers-js'), 'model');

function writeModel({ modelFile, modelDir, manifest, say }: PeerContext, folder: string): void {
  say('Writing the model as transformers.js expects it.');
  const temporary = `${folder}.tmp`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(path.join(temporary, 'onnx'), { recursive: true });
  const checkpoint = openGgufDecoder(readGguf(modelFile), 'q8');
  try {
    const graph = writeTransformersGraph(checkpoint, path.join(temporary, 'onnx/model.onnx_data'));
    writeFileSync(path.join(temporary, 'onnx/model.onnx'), graph);
    const config = huggingFaceConfig(checkpoint, manifest.tokenizer.eosIds);
    writeFileSync(path.join(temporary, 'config.json'), JSON.stringify(config));
  } finally {
    checkpoint.close();
  }
  copyFileSync(path.join(modelDir, manifest.tokenizer.file), path.join(temporary, 'tokenizer.json'));
  copyFileSync(path.join(modelDir, manifest.tokenizer.configFile), path.join(temporary, 'tokenizer_config.json'));
  renameSync(temporary, folder);
}
