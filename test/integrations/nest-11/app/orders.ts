import { Injectable } from '@nestjs/common'

/** What the handlers of the app have applied, in order. */
@Injectable()
export class Orders {
  readonly applied: string[] = []
  /** The order whose handlers fail, if any. */
  failing: string | null = null

  record(step: string, orderNo: string): void {
    if (orderNo === this.failing) throw new Error('No such order.')
    this.applied.push(`${step} ${orderNo}`)
  }
}

/** What the documents import as `./orders.js`. */
@Injectable()
export class DocumentedOrders {
  async markSent(orderNo: string, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted()
    console.log(`${orderNo} is sent.`)
  }
}
