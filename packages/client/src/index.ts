export { createClient } from './client.ts'
export type {
  Client,
  ClientOptions,
  CreateRedEnvelope,
  ListRedEnvelopes,
  RequestOptions,
} from './client.ts'
export type { Page, PagedList } from './pages.ts'
