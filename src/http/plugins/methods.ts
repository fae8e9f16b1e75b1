import type { App } from '../app.js';

/** Which methods a path has; empty where there is no such path. */
export type MethodsOf = (path: string) => string[];

/** Collects the methods of the routes that are registered after it. */
export function collectMethods(app: App): MethodsOf {
  const routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    // The answer to every browser's preflight, which is no route of its own.
    if (url === '*') return;
    const route = routes.get(url) ?? { pattern: toPattern(url), methods: new Set() };
    routes.set(url, route);
    for (const name of [method].flat()) route.methods.add(name);
  });
  return (path) => {
    const methods = [...routes.values()]
      .filter(({ pattern }) => pattern.test(path))
      .flatMap((route) => [...route.methods]);
    return [...new Set(methods)].sort();
  };
}

/** `/v1/files/:file_id` and `/docs/static/*` as an expression over paths. */
function toPattern(url: string): RegExp {
  const parts = url.split(/(:\w+|\*)/).map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : part.replace(/[\\^$.+?()[\]{}|]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}
