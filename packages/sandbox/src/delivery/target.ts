import type { Sender } from './sender.ts'
import { readTargetUrl } from './target-address.ts'
import { functionSender } from './target-function.ts'
import { urlSender } from './target-url.ts'

/**
 * Where notifications go: a URL, or the app itself, in this process. A function receives each one as
 * a POST to `http://localhost/webhooks`.
 */
export type Target = string | URL | ((request: Request) => Response | Promise<Response>)

/** @throws SandboxError `target-invalid`, `target-remote` */
export function createSender(target: Target, allowRemote: boolean): Sender {
  if (typeof target === 'function') return functionSender(target)
  return urlSender(readTargetUrl(target, allowRemote), allowRemote)
}
