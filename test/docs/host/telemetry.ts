// What the README's snippets import as `./telemetry.ts`: the reader's metrics and error tracker.

interface Telemetry {
  readonly counted: Record<string, string>[]
  readonly observed: number[]
  readonly captured: unknown[]
}

export const telemetry: Telemetry = { counted: [], observed: [], captured: [] }

/** @public */
export const deliveries: { inc(labels: Record<string, string>): void } = {
  inc: (labels) => void telemetry.counted.push(labels),
}

/** @public */
export const durations: { observe(ms: number): void } = {
  observe: (ms) => void telemetry.observed.push(ms),
}

/** @public */
export const tracker: { capture(error: unknown, tags: Record<string, unknown>): void } = {
  capture: (error) => void telemetry.captured.push(error),
}
