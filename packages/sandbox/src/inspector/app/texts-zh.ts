import type { en } from './texts-en.ts'

/** All texts of the page in Chinese. */
export const zh: typeof en = {
  title: 'hongbao 沙箱',
  otherLanguage: 'English',
  close: '关闭',
  cancel: '取消',
  copy: '复制',
  copied: '已复制。',
  headers: '消息头',
  body: '消息体',
  units: ['小时', '分', '秒', '毫秒'],
  bytes: (count: number): string => `${count} 字节`,

  bar: {
    target: '推送地址',
    noTarget: '未设置：事件只保留、不推送',
    clock: '时钟',
    speed: '时钟速度',
    stopped: '静止',
    nextRetry: '下次重发',
    faults: '故障',
    key: '公钥',
    trigger: '触发事件',
    connecting: '连接中',
    live: '实时',
    reconnecting: '重连中',
    ahead: (time: string): string => `沙箱时钟快了 ${time}，使用自身时钟的应用会拒绝这些事件。`,
    reset: '重置',
    resetSure: '清空所有事件、红包和故障？',
    restarted: (time: string): string => `沙箱已于 ${time} 重启，未持久化的事件已丢失。`,
  },

  list: {
    label: '事件与请求',
    filter: '筛选',
    newRows: (count: number): string => `${count} 条新记录`,
    older: '较早的记录未显示，可通过筛选查找。',
    noMatch: '没有符合筛选条件的记录。',
    nothing: '暂无记录。',
    next: (time: string): string => `${time}后重发`,
    summary: (rows: number, failed: number): string => `共 ${rows} 条，失败 ${failed} 条`,
    edited: '修改后重发',
    byFault: '故障：',
  },

  requestSignature: {
    valid: '签名有效',
    invalid: '签名无效',
    absent: '未签名',
    unchecked: '未校验签名',
  },

  status: {
    pending: '待推送',
    delivered: '已送达',
    exhausted: '已放弃',
    undelivered: '未推送',
    failing: '失败，待重发',
  },

  event: {
    resend: '重发',
    edit: '修改后重发',
    copyCurl: '复制 curl',
    save: '存为测试数据',
    failNext: '让下一次失败',
    order: '订单号',
    gone: '该记录已不再保留。',
    attempt: (n: number): string => `第 ${n} 次推送`,
    noAttempts: '尚未推送。',
    noTarget: '未设置推送地址。请先设置，再重发。',
    copyOf: '修改自',
    causedBy: '触发请求',
  },

  retries: {
    label: '25 小时内的推送',
    table: '以表格查看',
    planned: '计划中',
    advance: '快进到这里',
    alsoRuns: (count: number): string => `期间其他事件的推送：${count} 次`,
    after: '距首次',
    result: '结果',
    duplicate: '重复推送',
    manual: '手动重发',
  },

  tabs: {
    answer: '响应',
    sent: '请求',
    signature: '签名',
    diff: '对比',
    envelope: '红包',
    curl: 'curl',
  },

  answer: {
    none: '没有响应。',
    truncated: '只保留前 64 KB。',
    connect: '连接',
    firstByte: '首字节',
    total: '总计',
  },

  causes: {
    ok: '应用已接收该事件，Ping++ 不会再次推送。',
    refused: '应用拒绝了该事件，可能是验签失败，请查看“签名”页。',
    notFound: '应用没有该路径的路由，或该路由不接受 POST。',
    client: '只有 2xx 才算接收成功，不跟随重定向。',
    server: '应用内部出错，Ping++ 会再次推送。',
    byFault: (faults: string): string => `⚡ 与应用无关：本次推送受故障 ${faults} 影响。`,
    clock: '应用时钟与沙箱时钟不一致：事件过旧或来自未来。',
    signature: '应用验签失败。请核对公钥，并确认验签前没有中间件改动请求体。',
    parsed: '请求体在验签之前已被中间件解析。请把 webhook 路由放在它前面。',
    errors: {
      'connection-refused': '推送地址上没有程序监听。应用是否已启动？端口是否正确？',
      'connection-reset': '连接在返回响应之前被断开。',
      timeout: '未在规定时间内返回响应。',
      dns: '推送地址的域名无法解析。',
    },
  },

  sent: {
    hex: '十六进制',
    changed: '⚡ 故障改动或截断了这些字节。',
    multi: '中文等多字节字符',
    invalid: '非 UTF-8',
  },

  signature: {
    length: '长度',
    attempts: '每次推送',
    valid: '有效',
    absent: '没有发送签名。',
    bodyDiffers: '请求体与签名时不同。',
    otherKey: '签名不是由该密钥生成的。',
    snippet: '自行验签',
  },

  diff: {
    previous: '与上一次推送对比',
    genuine: '与原始请求体对比',
    same: '请求头与请求体逐字节相同。',
  },

  envelope: {
    statuses: {
      sending: '发放中',
      sent: '待领取',
      received: '已领取',
      failed: '发放失败',
      refunding: '退款中',
      refund: '已退款',
    },
    none: '该事件与红包无关。',
    next: (status: string, time: string): string => `${time}后${status}`,
    move: '变更为',
    noMoves: '已是最终状态。',
  },

  request: {
    sent: '请求',
    caused: '结果',
  },

  editor: {
    type: '事件类型',
    changes: '修改 data.object',
    valid: 'JSON 有效',
    invalid: '不是有效的 JSON：',
    signed: '重新签名，应用会接受。',
    broken: '保留旧签名，应用应当拒绝。',
    stillFits: '旧签名仍然有效，请修改内容。',
    breakIt: '使签名失效',
  },

  faults: {
    none: '没有生效中的故障。',
    kind: '类型',
    remove: '移除',
  },

  target: {
    url: 'webhook 路由的 URL',
    set: '保存',
    remove: '不推送',
    probing: '正在连接……',
    reached: (status: number, ms: number): string => `应用有响应：${status}，${ms} 毫秒。`,
  },

  steps: {
    title: '快速开始',
    target: '告诉沙箱应用在哪里',
    env: '告诉应用沙箱在哪里',
    send: '发送第一个事件',
  },

  help: {
    title: '快捷键',
    move: '下一条、上一条',
    open: '打开',
    newest: '最新一条',
  },
}
