/** A queue through which all bytes of one direction pass in order, as in a router. */
export interface Bottleneck {
  /** Delivers the bytes when their turn has come, in as many pieces as the pace makes of them. */
  pass(bytes: Buffer, deliver: (piece: Buffer) => void): void
  /** From now on so many bytes a second; `Infinity`: all that wait, at once, and no queue any more. */
  limit(bytesPerSecond: number): void
  /** Nobody waits for what is still on its way. */
  close(): void
}

interface Parcel {
  readonly bytes: Buffer
  readonly deliver: (piece: Buffer) => void
}

const TICK_MS = 20

/** Makes a way that is as wide as can be. */
export function createBottleneck(): Bottleneck {
  const parcels: Parcel[] = []
  let pace = Infinity
  let timer: NodeJS.Timeout | undefined
  let lastMs = 0

  function pass(bytes: Buffer, deliver: (piece: Buffer) => void): void {
    if (pace === Infinity) deliver(bytes)
    else parcels.push({ bytes, deliver })
  }

  function limit(bytesPerSecond: number): void {
    move(Infinity)
    clearInterval(timer)
    pace = bytesPerSecond
    if (pace === Infinity) return
    lastMs = performance.now()
    timer = setInterval(tick, TICK_MS).unref()
  }

  /** By the clock: on a busy machine ticks come late. */
  function tick(): void {
    const nowMs = performance.now()
    const allowance = Math.floor((pace * (nowMs - lastMs)) / 1000)
    // What was not enough for a byte counts the next time.
    lastMs += (allowance / pace) * 1000
    move(allowance)
  }

  function move(allowance: number): void {
    let left = allowance
    for (let parcel = parcels.shift(); parcel !== undefined; parcel = parcels.shift()) {
      const { bytes, deliver } = parcel
      if (bytes.length > left) {
        parcels.unshift({ bytes: bytes.subarray(left), deliver })
        if (left > 0) deliver(bytes.subarray(0, left))
        return
      }
      left -= bytes.length
      deliver(bytes)
    }
  }

  return {
    pass,
    limit,
    close() {
      clearInterval(timer)
      parcels.length = 0
    },
  }
}
