import type { ServiceName } from './service-environments.ts';

/** A port of one service, and the replicas behind it. */
export interface BalancedService {
  readonly service: ServiceName;
  readonly port: number;
  readonly replicaPorts: readonly number[];
}

/** The name by which the balancer knows a replica; the first is 1. */
export function serverName(service: ServiceName, replica: number): string {
  return `${service}${replica}`;
}

/**
 * Configuration of an HAProxy that hands each request and each WebSocket to the next replica that says that it is ready. What
 * callers say about themselves is replaced: the services believe this one proxy.
 * @param runtimeSocket - where the balancer takes orders such as `set server … state drain`
 */
export function balancerConfig(services: readonly BalancedService[], runtimeSocket: string): string {
  return [HEAD(runtimeSocket), ...services.map(section)].join('\n');
}

// A register call is held for 8 s and everything else is faster. Each end of a WebSocket pings every 30 s.
const HEAD = (runtimeSocket: string) => `global
  nbthread 1
  stats socket ${runtimeSocket} mode 600 level admin
defaults
  mode http
  balance roundrobin
  retries 3
  option redispatch 1
  option httpchk GET /readyz
  default-server check inter 250ms fastinter 100ms fall 2 rise 1
  timeout check 2s
  timeout connect 2s
  timeout http-request 15s
  timeout http-keep-alive 15s
  timeout client 75s
  timeout server 75s
  timeout tunnel 1h
`;

function section({ service, port, replicaPorts }: BalancedService): string {
  const servers = replicaPorts.map(
    (replicaPort, index) => `  server ${serverName(service, index + 1)} 127.0.0.1:${replicaPort}`,
  );
  return `listen ${service}
  bind 127.0.0.1:${port}
  http-request del-header Forwarded
  http-request del-header X-Forwarded- -m beg
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
${servers.join('\n')}
`;
}
