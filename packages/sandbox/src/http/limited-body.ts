import { joinBytes } from '@hongbao/core/internal'

/**
 * Reads the raw body of a request up to a limit; undefined where it is longer.
 *
 * Hono's own `bodyLimit` makes a new Request of the one that the Node server gives, which the global
 * class refuses as long as the server leaves it alone.
 */
export async function readLimitedBody(
  request: Request,
  maxBytes: number,
): Promise<Buffer | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return undefined
  const joined = joinBytes()
  for await (const chunk of request.body ?? []) {
    if (joined.size() + chunk.byteLength > maxBytes) return undefined
    joined.add(chunk)
  }
  const { buffer, byteOffset, byteLength } = joined.all()
  return Buffer.from(buffer, byteOffset, byteLength)
}
