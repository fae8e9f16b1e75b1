import t from 'tap';
import { createTestServer, KEY, OTHER_KEY, passage } from '../http/fakes.js';
import { clientSuite } from './client-suite.js';
import { pythonClients } from './python-clients.js';

t.test('the usual clients work against the HTTP surface', async (t) => {
  const { app, engine, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  engine.answer(['It', ' costs', ' 17.35', ' EUR', ' [1].']);
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
  await pythonClients(t, gateway);
});
