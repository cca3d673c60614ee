import { publicKeyPem, sentEvent, signDeliveries, type SignedBody } from './deliveries.ts'
import { withinAllowance, type Figure } from './figure.ts'
import { installed } from './installed.ts'
import { sideBySide, type Block } from './side-by-side.ts'

const ALLOWED_BYTES_PER_KEY = 160
const BLOCK = 50
const ROUNDS = 60
const WARM_UP_ROUNDS = 10

/** The memory that the memory inbox uses, and whether its size slows deliveries down. */
export async function measure(): Promise<Figure[]> {
  return [await bytesPerKey(), ...(await throughputAtSize())]
}

/**
 * The heap's growth for every key that a receiver with default options remembers. Events go through
 * `dispatch`, so that the keys are the strings that core makes.
 */
async function bytesPerKey(): Promise<Figure> {
  const { createWebhooks } = await installed('core')
  const webhooks = createWebhooks({ publicKey: publicKeyPem })
  webhooks.on('red_envelope.sent', async () => {})
  const before = heapBytes()
  const perKey = new Map<number, number>()
  let remembered = 0
  for (const size of [1000, 100_000, 1_000_000]) {
    for (; remembered < size; remembered += 1) {
      const { outcome } = await webhooks.dispatch(eventOf(remembered))
      if (outcome !== 'handled') throw new Error(`An event was ${outcome}.`)
    }
    perKey.set(size, (heapBytes() - before) / size)
  }
  // Keeps the receiver, and with it the keys, until the last heap was measured.
  webhooks.off('*', () => {})
  const [small = 0, ...large] = perKey.values()
  const note = [small, ...large].map((bytes) => bytes.toFixed(0)).join(' / ')
  return withinAllowance(
    'memory per key',
    Math.max(...large),
    ALLOWED_BYTES_PER_KEY,
    'bytes',
    `at 1k / 100k / 1M keys: ${note}; worst of the last two counts`,
  )
}

/** `handle()` with many keys remembered, against the same with a thousand. */
async function throughputAtSize(): Promise<Figure[]> {
  const signed = signDeliveries(BLOCK * (ROUNDS + WARM_UP_ROUNDS))
  const figures: Figure[] = []
  for (const [size, label] of [
    [100_000, '100k'],
    // Just under the most that the default inbox holds, so that it forgets nothing on the way.
    [990_000, '1M'],
  ] as const) {
    const few = await receiverWith(1000, signed)
    const many = await receiverWith(size, signed)
    const result = await sideBySide({
      ours: many,
      theirs: few,
      rounds: ROUNDS,
      warmUpRounds: WARM_UP_ROUNDS,
    })
    const note = 'theirs: handle() with 1k keys'
    figures.push({
      measure: `throughput at ${label} keys`,
      ...result,
      bar: 0.9,
      unit: 'per CPU s',
      note,
    })
  }
  return figures
}

/** Blocks of verified deliveries for a receiver whose inbox, the default one, remembers keys already. */
async function receiverWith(size: number, signed: readonly SignedBody[]): Promise<Block> {
  const { createWebhooks, memoryInbox } = await installed('core')
  const inbox = memoryInbox()
  for (let at = 0; at < size; at += 1) {
    await inbox.admit(
      ['app_1Gqj58ynP0mHeX1q', 'live', 'red_envelope.sent', idOf(at)].join(':'),
      work,
    )
  }
  const webhooks = createWebhooks({ publicKey: publicKeyPem, inbox })
  webhooks.on('red_envelope.sent', work)

  return async function handleBlock(round) {
    for (const { body, signature } of signed.slice(round * BLOCK, (round + 1) * BLOCK)) {
      const headers: Record<string, string> = { 'x-pingplusplus-signature': signature }
      const { outcome } = await webhooks.handle({
        method: 'POST',
        header: (name) => headers[name],
        body: () => Promise.resolve(body),
      })
      if (outcome !== 'handled') throw new Error(`A delivery was ${outcome}.`)
    }
    return BLOCK
  }
}

async function work(): Promise<void> {}

const SENT = sentEvent()

function eventOf(serial: number): ReturnType<typeof sentEvent> {
  return { ...SENT, data: { object: { ...SENT.data.object, id: idOf(serial) } } }
}

/** As long as Ping++'s ids; what the characters are makes no difference to a heap. */
function idOf(serial: number): string {
  return `red_${String(serial).padStart(24, '0')}`
}

function heapBytes(): number {
  // The second collection takes what the first one's finalizers let go of.
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
