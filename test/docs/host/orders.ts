// What the README's snippets import as `./orders.ts`: the reader's own code, in memory. As the
// README asks: an order is inserted if it is absent, its status only moves forward, and an event
// whose order is not saved yet fails.

/** An order as the snippets leave it. */
export interface Order {
  readonly status: 'sending' | 'sent' | 'received' | 'paid' | 'failed' | 'refund'
  readonly detail: string | number | null
}

const RANK = { sending: 0, sent: 1, paid: 1, received: 2, failed: 2, refund: 2 } as const

const byNumber = new Map<string, Order>()
const notes: [string, unknown][] = []

interface Orders {
  /** True if the order is new. */
  insert(orderNo: string, order: { amount: number }): Promise<boolean>
  markSent(orderNo: string, transactionNo: string | null): Promise<void>
  markReceived(orderNo: string, receivedAt: number | null): Promise<void>
  markFailed(orderNo: string): Promise<void>
  markRefunded(orderNo: string): Promise<void>
  markPaid(orderNo: string, amount: number, options: { signal: AbortSignal }): Promise<void>
  note(subject: string, detail: unknown): Promise<void>
  find(orderNo: string): Order | undefined
  readonly notes: readonly (readonly [string, unknown])[]
}

export const orders: Orders = {
  async insert(orderNo, { amount }) {
    if (byNumber.has(orderNo)) return false
    byNumber.set(orderNo, { status: 'sending', detail: amount })
    return true
  },
  markSent: async (orderNo, transactionNo) => moveOn(orderNo, 'sent', transactionNo),
  markReceived: async (orderNo, receivedAt) => moveOn(orderNo, 'received', receivedAt),
  markFailed: async (orderNo) => moveOn(orderNo, 'failed'),
  markRefunded: async (orderNo) => moveOn(orderNo, 'refund'),
  async markPaid(orderNo, amount, { signal }) {
    signal.throwIfAborted()
    moveOn(orderNo, 'paid', amount)
  },
  async note(subject, detail) {
    notes.push([subject, detail])
  },
  find: (orderNo) => byNumber.get(orderNo),
  notes,
}

function moveOn(orderNo: string, status: Order['status'], detail?: Order['detail']): void {
  const order = byNumber.get(orderNo)
  if (order === undefined) throw new Error(`Order ${orderNo} is not saved yet.`)
  if (RANK[status] <= RANK[order.status]) return
  byNumber.set(orderNo, { status, detail: detail ?? order.detail })
}
