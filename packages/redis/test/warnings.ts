import type { OnWarning } from '@hongbao/core'
import type { RedisInboxWarningCode } from '../src/index.ts'

/** What `onWarning` was called with. */
export interface Warned {
  readonly code: RedisInboxWarningCode
  readonly key?: string
  readonly message: string
  readonly cause: unknown
}

/** An `onWarning` that writes to a list. */
export function warnTo(warnings: Warned[]): OnWarning<RedisInboxWarningCode> {
  return ({ message, cause }, about) => void warnings.push({ ...about, message, cause })
}
