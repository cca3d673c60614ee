/** Where in the life of an event a process can be ended or halted, in their order. */
export const POINTS = [
  'before-hand-off',
  'after-hand-off',
  'before-admit',
  'after-admit',
  'in-handler',
  'after-effect',
  'before-commit',
  'during-commit',
  'after-commit',
  'before-answer',
] as const

/**
 * - `before-hand-off`, `after-hand-off`: the queue has not been called; it has confirmed.
 * - `before-admit`, `after-admit`: the inbox has not been called; it has admitted the event.
 * - `in-handler`, `after-effect`: right before the handler's effect, and right after it.
 * - `before-commit`, `during-commit`, `after-commit`: COMMIT, or the mark in Redis, has not been
 *   sent; has been sent and not been answered; has been answered.
 * - `before-answer`: all is done, and the sender has no answer yet.
 */
export type Point = (typeof POINTS)[number]

/** "The next time you come to this point, take this signal." */
export interface Order {
  readonly signal: 'SIGKILL' | 'SIGSTOP'
  readonly point: Point
  /** How often it may pass before that. */
  readonly skip: number
  /** After this, in milliseconds since 1970, the order is void. */
  readonly untilMs: number
}
