/**
 * A `KeyObject` of `node:crypto`. Declared here, so that the types of hongbao check without those of
 * Node, as on Workers.
 */
export interface KeyObjectLike {
  readonly type: 'secret' | 'public' | 'private'
  export(...options: never[]): unknown
}

/**
 * A Ping++ public key: PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`) in any layout that survives an
 * environment variable, bare base64, DER or PEM bytes, a `KeyObject`, or the path of a file.
 */
export type PublicKeyInput = string | Uint8Array | KeyObjectLike | { readonly path: string }
