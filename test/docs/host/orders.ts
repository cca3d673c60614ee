// What the README's snippets import as `./orders.ts`: the reader's own code, in memory.

/** An order as the snippets leave it. */
export interface Order {
  readonly status: 'sending' | 'sent' | 'received' | 'paid' | 'failed' | 'refund'
  readonly detail: string | number | null
}

const byNumber = new Map<string, Order>()
const notes: [string, unknown][] = []

interface Orders {
  save(orderNo: string, order: { status: Order['status']; amount?: number }): Promise<void>
  markSent(orderNo: string, transactionNo: string | null): Promise<void>
  markReceived(orderNo: string, receivedAt: number | null): Promise<void>
  markPaid(orderNo: string, amount: number, options: { signal: AbortSignal }): Promise<void>
  note(subject: string, detail: unknown): Promise<void>
  find(orderNo: string): Order | undefined
  readonly notes: readonly (readonly [string, unknown])[]
}

export const orders: Orders = {
  async save(orderNo, { status, amount }) {
    byNumber.set(orderNo, { status, detail: amount ?? byNumber.get(orderNo)?.detail ?? null })
  },
  async markSent(orderNo, transactionNo) {
    byNumber.set(orderNo, { status: 'sent', detail: transactionNo })
  },
  async markReceived(orderNo, receivedAt) {
    byNumber.set(orderNo, { status: 'received', detail: receivedAt })
  },
  async markPaid(orderNo, amount, { signal }) {
    signal.throwIfAborted()
    byNumber.set(orderNo, { status: 'paid', detail: amount })
  },
  async note(subject, detail) {
    notes.push([subject, detail])
  },
  find: (orderNo) => byNumber.get(orderNo),
  notes,
}
