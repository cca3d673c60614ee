import type { Receiver } from './delivery.ts'
import { OptionError } from '../options/errors.ts'
import { checkOptions, wrong } from '../options/settings.ts'

/** Options for mounting the receiver on a host without a router. */
export interface MountOptions {
  /**
   * The path to answer, such as `'/webhooks'`; requests to other paths go to the next middleware, or
   * get 404 if there is none. Default: every path.
   */
  readonly path?: string | undefined
}

const NAMES: Readonly<Record<keyof MountOptions, true>> = { path: true }

/**
 * Checks the receiver and the options once, and returns a test for a request target: origin form
 * (`/webhooks?x=1`) or absolute form (RFC 9112, section 3.2.2), with any query.
 *
 * @param adapter the name of the adapter's function, for the message
 * @param names the options that the adapter has. Default: those of {@link MountOptions}
 * @throws OptionError if there is no receiver, for an unknown option, or if the path could never match
 */
export function createMount(
  adapter: string,
  receiver: Receiver,
  options: MountOptions,
  names: Readonly<Record<string, true>> = NAMES,
): (target?: string) => boolean {
  checkMount(adapter, receiver, options, names)
  const { path } = options
  if (path === undefined) return () => true
  if (typeof path !== 'string' || !/^\/[^?#]*$/.test(path)) {
    throw new OptionError('option-invalid', '`path` must start with "/" and have no query.')
  }
  return (target = '/') => pathOf(target) === path
}

/**
 * The same for an adapter whose framework decides the path.
 *
 * @throws OptionError if there is no receiver, or for an unknown option
 */
export function checkMount(
  adapter: string,
  receiver: Receiver,
  options: object,
  names: Readonly<Record<string, true>>,
): void {
  if (typeof receiver?.handle !== 'function') {
    throw new OptionError(
      'option-invalid',
      `\`${adapter}\` expects the receiver that \`createWebhooks()\` returned.`,
    )
  }
  checkOptions(`\`${adapter}\``, options, names)
  const { waitUntil }: { readonly waitUntil?: unknown } = options
  if (waitUntil !== undefined && typeof waitUntil !== 'function') {
    throw wrong('waitUntil', 'a function')
  }
}

function pathOf(target: string): string {
  return target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '')
}
