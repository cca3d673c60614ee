import type { Receiver } from './delivery.ts'
import { OptionError } from './errors.ts'

/** Where a host without a router mounts the receiver. */
export interface MountOptions {
  /** The path to answer, say `'/webhooks'`; every other one passes, or gets 404 where nobody else is. Default: whatever arrives. */
  readonly path?: string | undefined
}

/**
 * Checks what is mounted and where, once, and gives the test for a request target: origin form
 * (`/webhooks?x=1`) or absolute form (RFC 9112, section 3.2.2), whatever its query.
 *
 * @throws OptionError where there is no receiver, or the path could never match
 */
export function readMount(
  receiver: Receiver,
  path: string | undefined,
): (target?: string) => boolean {
  if (typeof receiver?.handle !== 'function') {
    throw new OptionError('option-invalid', 'An adapter expects what `createWebhooks` gives.')
  }
  if (path === undefined) return () => true
  if (typeof path !== 'string' || !/^\/[^?#]*$/.test(path)) {
    throw new OptionError('option-invalid', '`path` must start with "/" and have no query.')
  }
  return (target = '/') => pathOf(target) === path
}

function pathOf(target: string): string {
  return target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '')
}
