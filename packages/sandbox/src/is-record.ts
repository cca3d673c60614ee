/**
 * Whether a value is an object with members, not a list. The same as core's, for the commands that do not load
 * core: their start would wait for it.
 */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
