import type { Receiver, WaitUntil } from './receive/delivery.ts'
import { OptionError } from './options/errors.ts'
import { FETCH_HINT, fetchDelivery, toResponse } from './receive/fetch-delivery.ts'
import { createMount, type MountOptions } from './receive/mount.ts'
import { replyTo } from './reply/reply.ts'

export type { MountOptions } from './receive/mount.ts'
// Receiver too: otherwise the bundled types take it from /adapter, which needs the types of Node.
export type { Receiver, WaitUntil } from './receive/delivery.ts'

/** Options of {@link fetchWebhooks}. Wrong ones are refused at start-up with an `OptionError`. */
export interface FetchMountOptions extends MountOptions {
  /**
   * Keeps the request alive for handlers that pass their deadline, on hosts that freeze a request
   * when it is answered: `after` of Next.js, `waitUntil` of `@vercel/functions`. Default: the
   * `waitUntil` of what the host calls the handler with, as Cloudflare Workers do (`ctx`).
   */
  readonly waitUntil?: WaitUntil | undefined
}

const NAMES: Readonly<Record<keyof FetchMountOptions, true>> = { path: true, waitUntil: true }

/**
 * Answers webhooks on hosts that turn a `Request` into a `Response`: Next.js, SvelteKit, Bun, Deno,
 * Cloudflare Workers. `export const POST = fetchWebhooks(webhooks)`
 *
 * On Workers, call it with all three arguments of `fetch`: `hook(request, env, ctx)`.
 *
 * @throws OptionError if there is no receiver, or for a wrong or unknown option. The handler rejects
 * with one if it is called with anything but a `Request`.
 */
export function fetchWebhooks(
  receiver: Receiver,
  options: FetchMountOptions = {},
): (request: Request, ...context: readonly unknown[]) => Promise<Response> {
  const isMountedAt = createMount('fetchWebhooks', receiver, options, NAMES)

  return async function hongbaoWebhooks(request, ...context) {
    refuseOther(request)
    if (!isMountedAt(request.url)) return toResponse(replyTo('path-mismatch'), request)
    const waitUntil = options.waitUntil ?? waitUntilOf(context)
    const delivery = fetchDelivery(request, undefined, FETCH_HINT, waitUntil)
    return toResponse(await receiver.handle(delivery), request)
  }
}

/** Frameworks hand over an event with the request in it, or a request of Node. */
function refuseOther(request: unknown): void {
  const { url, headers, request: inner } = Object(request)
  if (typeof url === 'string' && typeof headers?.get === 'function') return
  throw new OptionError(
    'option-invalid',
    `The handler of \`fetchWebhooks\` expects a \`Request\` as its first argument. ${inner === undefined ? WITHOUT_REQUEST : WITH_REQUEST}`,
  )
}

const WITH_REQUEST =
  'This host passes an object that contains it: export const POST = ({ request }) => hook(request).'
const WITHOUT_REQUEST =
  'For a request of Node.js (`node:http`, the pages router of Next.js), use `nodeWebhooks` of @hongbao/core/node.'

/** The execution context of a host: the third argument on Workers, the second on Vercel and Netlify. */
function waitUntilOf(context: readonly unknown[]): WaitUntil | undefined {
  const owner = context.map(Object).find((each) => typeof each.waitUntil === 'function')
  return owner && ((pending) => owner.waitUntil(pending))
}
