import type { IncomingMessage } from 'node:http'
import type { Context } from 'hono'
import { newId } from '../../events/ids.ts'
import { readLimitedBody } from '../limited-body.ts'
import { ApiError } from './api-error.ts'
import { languageOf, type Language } from './language.ts'

/** Bindings of `@hono/node-server`; empty in the same process. */
export interface ApiEnv {
  Bindings: { readonly incoming?: IncomingMessage | undefined }
}

export interface ApiRequest {
  /** `iar_` and 24 characters. */
  readonly id: string
  readonly method: string
  /** Path and query, byte for byte as they were sent: signatures cover them. */
  readonly target: string
  readonly language: Language
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  header(name: string): string | undefined
  /** Aborted when the caller has left. */
  readonly signal: AbortSignal
  /** Node's request; undefined in the same process. */
  readonly incoming: IncomingMessage | undefined
}

export function readRequest(context: Context<ApiEnv>): ApiRequest {
  const { req } = context
  // Without a server there are no bindings, in spite of Hono's types.
  const incoming = context.env?.incoming
  return {
    id: newId('iar_'),
    method: req.method,
    target: targetOf(incoming?.url ?? req.raw.url),
    language: languageOf(req.header('accept-language')),
    headers: req.header(),
    header: (name) => req.header(name),
    signal: req.raw.signal,
    incoming,
  }
}

/**
 * Path and query of a URL, or of a target that a proxy was given. As text: a URL that was parsed and
 * put together again has lost the trailing `?` that the official Node SDK sends and signs.
 */
function targetOf(url: string): string {
  return url.replace(/^https?:\/\/[^/?#]*/i, '')
}

/**
 * Reads the raw body, up to a limit.
 *
 * @throws ApiError `body-too-large`
 */
export async function readBody(request: Request, maxBytes: number): Promise<Buffer> {
  const body = await readLimitedBody(request, maxBytes)
  if (body !== undefined) return body
  throw new ApiError('body-too-large', { about: { bytes: String(maxBytes) } })
}
