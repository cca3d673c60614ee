export { HongbaoModule, WEBHOOKS } from './module.ts'
export type { HongbaoModuleAsyncOptions, HongbaoModuleOptions } from './options.ts'
export { OnWebhook } from './on-webhook.ts'
export type { MethodDescriptor, OnWebhookDecorator } from './on-webhook.ts'
