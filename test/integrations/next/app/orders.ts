/** The reader's own code: what it does is seen in the output of the server. */
export const orders = {
  async markSent(orderNo: string, transactionNo: string | null): Promise<void> {
    console.log(`sent ${JSON.stringify([orderNo, transactionNo])}`)
  },
}
