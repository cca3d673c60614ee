import { Hono, type Context } from 'hono'
import type { Assets } from './assets.ts'

/** No inline script or style, nothing of another origin, and no markup out of texts. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>hongbao sandbox</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect x='2' width='12' height='16' rx='2' fill='%23c1121f'/%3E%3Cpath d='M2 2.5Q8 8.5 14 2.5' fill='none' stroke='%238f0c17'/%3E%3Ccircle cx='8' cy='6.2' r='2.2' fill='%23f6c344'/%3E%3C/svg%3E">
<link rel="stylesheet" href="inspector/app.css">
<script type="module" src="inspector/app.js"></script>
</head>
<body></body>
</html>
`

/**
 * The inspector: one page at `/`, which controls the sandbox by `/_sandbox`. It contains no data: those
 * come by the control API, which checks where a request comes from.
 */
export function createInspector(): Hono {
  return new Hono()
    .get('/', (c) => send(c, 'text/html', PAGE))
    .get('/inspector/app.js', (c) => sendAsset(c, 'text/javascript', ({ script }) => script))
    .get('/inspector/app.css', (c) => sendAsset(c, 'text/css', ({ style }) => style))
}

async function sendAsset(
  c: Context,
  type: string,
  choose: (assets: Assets) => string,
): Promise<Response> {
  // Loaded when a page asks: most sandboxes run in tests, without one.
  const { loadAssets } = await import('./assets.ts')
  return send(c, type, choose(await loadAssets()))
}

function send(c: Context, type: string, body: string): Response {
  return c.body(body, 200, {
    'content-type': `${type}; charset=utf-8`,
    'content-security-policy': POLICY,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  })
}
