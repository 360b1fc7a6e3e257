/** A route as it is mounted: the method in capitals, and the path with its parameters as `:name`. */
export interface ServedRoute {
  readonly method: string;
  readonly path: string;
}

/** A router, or an app, which has one. */
type Routes = { readonly stack: readonly object[] } | { readonly router: { readonly stack: readonly object[] } };

interface Layer {
  readonly route?: { readonly path: string | readonly string[]; readonly methods: Readonly<Record<string, boolean>> };
  readonly handle?: { readonly stack?: readonly object[] };
}

/** Every route that a router serves, those of the routers in it included. */
export function servedRoutes(routes: Routes): readonly ServedRoute[] {
  const { stack } = 'router' in routes ? routes.router : routes;
  return stack.flatMap((layer) => {
    const { route, handle } = layer as Layer;
    if (!route) return handle?.stack ? servedRoutes({ stack: handle.stack }) : [];
    const paths = typeof route.path === 'string' ? [route.path] : route.path;
    const methods = Object.keys(route.methods).filter((method) => route.methods[method] && method !== '_all');
    return paths.flatMap((path) => methods.map((method) => ({ method: method.toUpperCase(), path })));
  });
}
