import { createWebhooks, type WebhookReport } from '@hongbao/core'
import { context, metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace'
import { expect, it } from 'vitest'
import { delivery, importRecipe, keys } from './recipes.ts'

const spans = new InMemorySpanExporter()
const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter: measured })
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }),
)
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))

it('the recipes for OpenTelemetry make a span of each delivery, around those of its handlers, and measure it', async () => {
  const { recordReport } = await importRecipe<MetricsRecipe>('otel-metrics.ts')
  await importRecipe('traces.ts')
  const tracer = trace.getTracer('app')
  const webhooks = createWebhooks({
    publicKey: keys.publicKey,
    logger: false,
    onReport: recordReport,
  })
  webhooks.on('red_envelope.sent', async ({ data: { object } }) => {
    await Promise.resolve()
    await tracer.startActiveSpan(`save ${object.id}`, async (span) => span.end())
  })
  webhooks.on('red_envelope.received', () => {
    throw new Error('declined')
  })

  const request = tracer.startSpan('POST /webhooks')
  await context.with(trace.setSpan(context.active(), request), async () => {
    const both = [delivery('red_envelope.sent', 'red_1'), delivery('red_envelope.sent', 'red_2')]
    await Promise.all(both.map((each) => webhooks.handle(each)))
    expect(trace.getActiveSpan()).toBe(request)
  })
  await webhooks.handle(delivery('red_envelope.received', 'red_3'))
  await webhooks.handle({ ...delivery('red_envelope.sent'), header: () => undefined })

  const all = spans.getFinishedSpans()
  const processed = all.filter(({ name }) => name === 'process red_envelope.sent')
  expect(processed).toHaveLength(2)
  for (const span of processed) {
    expect(span).toMatchObject({
      kind: SpanKind.CONSUMER,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'messaging.system': 'pingpp',
        'messaging.operation.type': 'process',
        'messaging.destination.name': 'red_envelope.sent',
        'messaging.message.id': expect.stringMatching(/^evt_/) as string,
        'hongbao.outcome': 'handled',
      },
    })
    expect(parentOf(span)).toBe(request.spanContext().spanId)
  }
  const saved = ['save red_1', 'save red_2'].map((each) => all.find(({ name }) => name === each))
  expect(new Set(saved.map(parentOf))).toEqual(
    new Set(processed.map((span) => span.spanContext().spanId)),
  )

  const failed = all.find(({ name }) => name === 'process red_envelope.received')
  expect(failed).toMatchObject({
    status: { code: SpanStatusCode.ERROR },
    attributes: { 'hongbao.outcome': 'failed', 'error.type': 'handler-failed' },
  })
  const refused = all.find(({ name }) => name === 'process pingpp')
  expect(refused).toMatchObject({
    status: { code: SpanStatusCode.UNSET },
    attributes: { 'hongbao.outcome': 'rejected', 'error.type': 'signature-missing' },
  })

  await reader.forceFlush()
  const [consumed, duration] = measured.getMetrics()[0]?.scopeMetrics[0]?.metrics ?? []
  expect(consumed?.descriptor.name).toBe('messaging.client.consumed.messages')
  expect(
    consumed?.dataPoints.map(({ attributes, value }) => [
      attributes['hongbao.outcome'],
      attributes['error.type'],
      value,
    ]),
  ).toEqual([
    ['handled', undefined, 2],
    ['failed', 'handler-failed', 1],
    ['rejected', 'signature-missing', 1],
  ])
  expect(duration?.descriptor).toMatchObject({ name: 'messaging.process.duration', unit: 's' })
})

interface MetricsRecipe {
  readonly recordReport: (report: WebhookReport) => void
}

function parentOf(span: ReadableSpan | undefined): string | undefined {
  return span?.parentSpanContext?.spanId
}
