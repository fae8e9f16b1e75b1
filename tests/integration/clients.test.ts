import t from 'tap';
import { createTestServer, KEY, OTHER_KEY, passage } from '../http/fakes.js';
import { clientSuite } from './client-suite.js';
import { pythonClients } from './python-clients.js';

const CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>';

t.test('the usual clients work against the HTTP surface', async (t) => {
  const { app, engine, retrieval } = await createTestServer({ keptIn: t.testdir() });
  t.teardown(() => app.close());
  const { generate } = engine;
  engine.generate = (request, signal) => {
    const { prompt } = request;
    const asks = prompt.kind === 'chat' && prompt.tools !== undefined && prompt.messages.at(-1)!.role !== 'tool';
    engine.answer(asks ? [CALL] : ['It', ' costs', ' 17.35', ' EUR', ' [1].']);
    return generate(request, signal);
  };
  // What is found follows what is attached, so that a deleted file is no longer found.
  const { attachFile, deleteFile, search, getStore } = retrieval;
  retrieval.attachFile = async (tenant, storeId, file) => {
    const { fileId } = file;
    const { filename } = await retrieval.getFile(tenant, fileId);
    const text = 'An international transfer to Ruritania costs 17.35 EUR.';
    retrieval.passages.set(tenant, [{ ...passage('p', text, 0.9), fileId, filename }]);
    return attachFile(tenant, storeId, file);
  };
  retrieval.deleteFile = async (tenant, fileId) => {
    retrieval.passages.delete(tenant);
    return deleteFile(tenant, fileId);
  };
  retrieval.search = async (request, signal) => {
    for (const id of request.storeIds) await getStore(request.tenant, id);
    return search(request, signal);
  };
  const address = await app.listen({ port: 0 });
  const gateway = { address, key: KEY, otherKey: OTHER_KEY, embedder: 'embedder', dimensions: 3 };
  await clientSuite(t, gateway);
  await pythonClients(t, gateway, ['response_tools', 'claude_tools', 'agents']);
});
