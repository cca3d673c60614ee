import { webhooks } from '@/lib/red-envelopes'

export const dynamic = 'force-dynamic'

export async function GET(): Promise<Response> {
  await webhooks.ready() // the key can be read
  return Response.json({ ok: true })
}
