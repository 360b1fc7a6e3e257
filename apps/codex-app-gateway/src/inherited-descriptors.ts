import { closeSync, readdirSync, readFileSync } from 'node:fs';

const OWN = '/proc/self';
const STANDARD = 2;
/** fcntl(2): not passed on. In Linux. */
const O_CLOEXEC = 0o2000000;

/**
 * Closes what whoever started this process left open in it, but the standard descriptors, so that no program that is started from here has
 * it: Node.js opens its own so that they are not passed on. To be called before anything else; where there is no proc(5) it does nothing.
 */
export function closeInheritedDescriptors(): void {
  for (const descriptor of openDescriptors()) {
    if (descriptor > STANDARD && isPassedOn(descriptor)) closeSync(descriptor);
  }
}

function openDescriptors(): number[] {
  try {
    return readdirSync(`${OWN}/fd`).map(Number);
  } catch {
    return [];
  }
}

function isPassedOn(descriptor: number): boolean {
  try {
    const [, flags = '2000000'] = /^flags:\s*([0-7]+)/m.exec(readFileSync(`${OWN}/fdinfo/${descriptor}`, 'utf8')) ?? [];
    return (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false; // closed meanwhile, as the one for the list itself
  }
}
