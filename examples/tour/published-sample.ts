import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The one notification that Ping++ signed and published itself, in its npm package `pingpp`. */
export interface PublishedSample {
  readonly body: string
  /** Base64, for the header `x-pingplusplus-signature`. */
  readonly signature: string
  /** The public key that Ping++ published with it. */
  readonly publicKeyPath: string
}

/** Reads body and signature out of Ping++'s own example, so that not a byte of them is ours. */
export function readPublishedSample(): PublishedSample {
  const examples = new URL('example/', import.meta.resolve('pingpp/package.json'))
  const source = readFileSync(new URL('webhooks_verify.js', examples), 'utf8')
  return {
    body: readLiteral(source, 'raw_data'),
    signature: readLiteral(source, 'signature'),
    publicKeyPath: fileURLToPath(new URL('pingpp_rsa_public_key.pem', examples)),
  }
}

/** The value of `var name = '…';`. A literal with a backslash would need unescaping: refused. */
function readLiteral(source: string, name: string): string {
  const value = new RegExp(String.raw`^var ${name} = '([^'\\\r\n]+)';`, 'm').exec(source)?.[1]
  if (value !== undefined) return value
  throw new Error(`pingpp's example/webhooks_verify.js holds no plain string named ${name}.`)
}
