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
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
