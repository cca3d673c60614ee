/** Does a short block of work and returns how many deliveries it was. */
export type Block = (round: number) => Promise<number>

export interface Duel {
  readonly ours: Block
  readonly theirs: Block
  /** How many pairs of blocks count. */
  readonly rounds: number
  /** How many pairs of blocks go before: compiling, warming caches. */
  readonly warmUpRounds: number
}

export interface DuelResult {
  /** Deliveries per CPU second, the median of all rounds. */
  readonly ours: number
  readonly theirs: number
  /** The median of the ratios of each round, not the ratio of the medians. */
  readonly ratio: number
}

/**
 * Measures two ways of doing one job in one process, block by block: A B, B A, A B, … The blocks of
 * a round are milliseconds apart, so what the machine does meanwhile, a busy neighbour, a lower
 * clock, meets both, and the median drops the rounds in which it met only one of them.
 *
 * The clock is the CPU time of this process. With a load client in another process and two cores
 * for both, requests per second depend as much on the client and the scheduler as about the
 * server; CPU time per request is what a delivery costs. It counts the threads that collect
 * garbage too, which a clock on the wall would miss.
 */
export async function sideBySide({
  ours,
  theirs,
  rounds,
  warmUpRounds,
}: Duel): Promise<DuelResult> {
  const speeds: { ours: number; theirs: number }[] = []
  for (let round = 0; round < warmUpRounds + rounds; round += 1) {
    const speed = await playRound(round, ours, theirs)
    if (round >= warmUpRounds) speeds.push(speed)
  }
  return {
    ours: median(speeds.map((speed) => speed.ours)),
    theirs: median(speeds.map((speed) => speed.theirs)),
    ratio: median(speeds.map((speed) => speed.ours / speed.theirs)),
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = Number.NaN, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (low + high) / 2
}

async function playRound(round: number, ours: Block, theirs: Block) {
  if (round % 2 === 0) {
    const first = await speedOf(ours, round)
    return { ours: first, theirs: await speedOf(theirs, round) }
  }
  const first = await speedOf(theirs, round)
  return { ours: await speedOf(ours, round), theirs: first }
}

async function speedOf(block: Block, round: number): Promise<number> {
  const before = process.cpuUsage()
  const count = await block(round)
  const { user, system } = process.cpuUsage(before)
  return (count * 1_000_000) / (user + system)
}
