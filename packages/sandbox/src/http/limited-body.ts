import { joinBytes } from '@hongbao/core/internal'

/**
 * Reads the raw body of a request; undefined if it is longer than the limit.
 *
 * Hono's `bodyLimit` constructs a new Request from the Node server's, which the global class refuses
 * unless the server replaces it.
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
