/** What the URL's fragment keeps, so that a reload or a link shows the same. */
export interface Address {
  /** The filter. */
  readonly q: string
  /** Id of the event or request that is shown. */
  readonly open: string
}

export function readAddress(hash: string): Address {
  const fields = new URLSearchParams(hash.replace(/^#/, ''))
  return { q: fields.get('q') ?? '', open: fields.get('open') ?? '' }
}

export function writeAddress({ q, open }: Address): string {
  const fields = new URLSearchParams()
  if (q !== '') fields.set('q', q)
  if (open !== '') fields.set('open', open)
  // Both are allowed in a fragment (RFC 3986, section 3.5), and better to read.
  const text = fields.toString().replaceAll('%3A', ':').replaceAll('%2F', '/')
  return text === '' ? '' : `#${text}`
}

/**
 * Takes the token of `--allow-remote` out of the fragment, which no server sees, and out of the
 * history. Kept for reloads of this tab.
 */
export function takeToken(): string | undefined {
  const fields = new URLSearchParams(location.hash.replace(/^#/, ''))
  const token = fields.get('token')
  if (token === null) return sessionStorage.getItem(KEY) ?? undefined
  sessionStorage.setItem(KEY, token)
  history.replaceState(null, '', location.pathname + writeAddress(readAddress(location.hash)))
  return token
}

const KEY = 'hongbao.token'
