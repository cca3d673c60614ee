/**
 * How long a test waits for what must come in the end. It ends what hangs: a machine with two cores and
 * thirty times as much to do as it can takes its time, and no test's verdict is in this figure.
 */
export const PATIENCE_MS = 300_000
