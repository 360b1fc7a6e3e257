import { execFile } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { promisify } from 'node:util';

/** RS256 signatures per second of one core, by `openssl speed`, or by a loop here where there is no openssl. */
export async function signaturesPerSecondOfOneCore() {
  try {
    const { stdout } = await promisify(execFile)('openssl', ['speed', '-seconds', '3', 'rsa2048']);
    const line = stdout.split('\n').find((each) => /rsa\s+2048 bits/.test(each)) ?? '';
    const perSecond = Number(/s\s+([\d.]+)\s+[\d.]+\s*$|s\s+([\d.]+)\s+/.exec(line)?.slice(1).find(Boolean));
    if (perSecond > 0) return { perSecond, by: 'openssl speed rsa2048' };
  } catch {
    // No openssl here.
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const data = Buffer.alloc(300);
  const startedAt = performance.now();
  let signatures = 0;
  for (; performance.now() - startedAt < 3000; signatures += 1) sign('sha256', data, privateKey);
  return { perSecond: signatures / ((performance.now() - startedAt) / 1000), by: 'crypto.sign' };
}

/** As the token endpoint signs: asynchronously, as many at once as there are connections. */
export async function signaturesPerSecondOfThreadPool(concurrency = 32, seconds = 3) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signAsync = promisify(sign);
  const data = Buffer.alloc(300);
  const startedAt = performance.now();
  let signatures = 0;
  const loop = async () => {
    while (performance.now() - startedAt < seconds * 1000) {
      await signAsync('sha256', data, privateKey);
      signatures += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return signatures / ((performance.now() - startedAt) / 1000);
}
