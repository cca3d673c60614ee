// The reader's own code, beside the documented modules in an app. It writes to a file what it is asked
// for, because most of these apps run in a process of their own.
import { appendFile } from 'node:fs/promises'

interface Orders {
  markSent(orderNo: string, transactionNo: string | null): Promise<void>
  markReceived(orderNo: string, receivedAt: number | null): Promise<void>
}

export const orders: Orders = {
  markSent: (orderNo, transactionNo) => note(`sent ${orderNo} ${transactionNo}`),
  markReceived: (orderNo, receivedAt) => note(`received ${orderNo} ${receivedAt}`),
}

function note(line: string): Promise<void> {
  return appendFile(String(process.env['ORDERS_FILE']), `${line}\n`)
}
