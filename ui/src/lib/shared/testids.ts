// Names by which the real-window tests find things. Roles and labels come first; these are for what has neither.

export const testids = {
  /** Top bar. */
  brokerState: 'broker-state',
  startBroker: 'start-broker',
  stopBroker: 'stop-broker',
  addressChip: 'address-chip',
  messageRate: 'message-rate',
  lostCount: 'lost-count',
  openPalette: 'open-palette',
  palette: 'palette',

  /** `nav-overview`, `nav-clients`, … and `page-overview`, … */
  nav: (page: string) => `nav-${page}`,
  page: (page: string) => `page-${page}`,

  /** Overview. */
  startBig: 'start-broker-big',
  startFailure: 'start-failure',
  useFreePort: 'use-free-port',
  /** On each row of the listeners' table; `data-listener` holds its name, `data-address` its address. */
  listenerRow: 'listener-row',
  snippet: 'snippet',
  copySnippet: 'copy-snippet',
  finding: 'finding',
  brokerClient: 'broker-client',
  refusal: 'refusal',

  /** Certificates. */
  issueDevice: 'issue-device',
  deviceName: 'device-name',
  deviceDays: 'device-days',
  confirmIssue: 'confirm-issue',
  /** The result of an export; `data-folder` holds the folder. */
  exportResult: 'export-result',
  exportFolder: 'export-folder',
  exportCommand: 'export-command',
  closeIssue: 'close-issue',
  /** `data-name` holds the certificate's name, `data-kind` what it is for. */
  certificateRow: 'certificate-row',
  exportDevice: 'export-device',
  renewDevice: 'renew-device',
  confirmRenew: 'confirm-renew',
  revokeDevice: 'revoke-device',
  confirmRevoke: 'confirm-revoke',
  bundleDevice: 'bundle-device',
  confirmBundle: 'confirm-bundle',
  bundleResult: 'bundle-result',
  inspectFile: 'inspect-file',
  inspectInput: 'inspect-input',
  inspectHost: 'inspect-host',
  inspectFault: 'inspect-fault',
  batchDevices: 'batch-devices',
  batchList: 'batch-list',
  batchStart: 'batch-start',
  batchResult: 'batch-result',
  /** `data-number` holds the number of the list, `data-count` how many it names. */
  revocations: 'revocations',
  signRevocations: 'sign-revocations',
  authority: 'authority',

  /** Recordings. */
  record: 'record',
  recordStop: 'record-stop',
  recordNew: 'record-new',
  recordConfirm: 'record-confirm',
  recordingBanner: 'recording-banner',
  recordingClose: 'recording-close',
  /** `data-name` holds what it is called. */
  recordingRow: 'recording-row',
  recordingOpen: 'recording-open',
  recordingImport: 'recording-import',
  fileChoose: 'file-choose',
  recordingConfirm: 'recording-confirm',
  /** `data-state`. */
  job: 'job',

  /** Traffic. */
  trafficGrid: 'traffic-grid',
  /** `data-position`, `data-packet`, `data-seq`. */
  trafficRow: 'traffic-row',
  trafficText: 'traffic-text',
  trafficTopic: 'traffic-topic',
  trafficMore: 'traffic-more',
  trafficClients: 'traffic-clients',
  trafficPayload: 'traffic-payload',
  trafficSeen: 'traffic-seen',
  topicPublish: 'topic-publish',
  trafficApply: 'traffic-apply',
  trafficAll: 'traffic-all',
  trafficPause: 'traffic-pause',
  trafficClear: 'traffic-clear',
  trafficNew: 'traffic-new',
  trafficStatus: 'traffic-status',
  trafficTabs: 'traffic-tabs',
  /** `data-seq`, `data-message`, `data-deliveries`, `data-done`, `data-lost`. */
  messageRow: 'message-row',
  /** The flow. `data-seq` says of which message it tells, `data-outcome` what came of it. */
  flow: 'flow',
  /** A step of it; `data-seq` holds the packet's number, `data-lost` whether it did not arrive. */
  flowStep: 'flow-step',
  flowNotes: 'flow-notes',
  flowSave: 'flow-save',
  topicFilter: 'topic-filter',
  topicTree: 'topic-tree',
  /** `data-topic` holds the name of a branch or topic, `data-open` whether it shows what is below. */
  topicItem: 'topic-item',
  topicDetail: 'topic-detail',
  inspector: 'inspector',
  inspectorFault: 'inspector-fault',
  inspectorPayload: 'inspector-payload',
  inspectorBytes: 'inspector-bytes',
  chartValue: 'chart-value',
  payloadDecoder: 'payload-decoder',
  payloadAlways: 'payload-always',
  payloadSave: 'payload-save',
  /** `data-view` holds which view it is, `data-decoder` the kind of its decoder. */
  payloadView: 'payload-view',
  payloadTree: 'payload-tree',
  payloadPart: 'payload-part',
  /** `data-count` holds how many values differ. */
  payloadDiff: 'payload-diff',
  payloadBytes: 'payload-bytes',
  payloadNumbers: 'payload-numbers',
  /** `data-frames` holds how many pictures of a live one were drawn. */
  payloadPicture: 'payload-picture',
  decodersOpen: 'decoders-open',
  decoderFilter: 'decoder-filter',
  decoderChoice: 'decoder-choice',
  decoderAdd: 'decoder-add',
  /** `data-filter` holds the rule's topic filter. */
  decoderRule: 'decoder-rule',
  schemaRow: 'schema-row',
  schemaName: 'schema-name',
  schemaSource: 'schema-source',
  schemaAdd: 'schema-add',

  /** Faults. */
  faultsOpen: 'faults-open',
  faultsBadge: 'faults-badge',
  faultsDrawer: 'faults-drawer',
  faultsOff: 'faults-off',
  /** `data-preset` holds the name of the rule that it adds. */
  faultPreset: 'fault-preset',
  faultNew: 'fault-new',
  /** `data-name` holds the rule's name, `data-on` whether it holds, `data-struck` how many packets it has struck. */
  faultRule: 'fault-rule',
  faultName: 'fault-name',
  faultClient: 'fault-client',
  faultSave: 'fault-save',

  /** Charts. `data-chart` holds the title, `data-points` the points of all its lines together. */
  chart: 'chart',
  chartCanvas: 'chart-canvas',
  chartAdd: 'chart-add',
  chartRemove: 'chart-remove',
  /** `data-from` and `data-to` hold the time that it shows, in milliseconds. */
  chartPlot: 'chart-plot',
  /** `data-value` and `data-at` hold what was sent, and when. */
  chartReading: 'chart-reading',
  chartFollow: 'chart-follow',
  chartMenu: 'chart-menu',
  chartEdit: 'chart-edit',
  chartSave: 'chart-save',
  chartFilter: 'chart-filter',
  chartPath: 'chart-path',
  chartTitle: 'chart-title',
  chartKind: 'chart-kind',
  /** `data-format` holds which. */
  chartExport: 'chart-export',
  pictureSized: 'picture-sized',
  pictureWidth: 'picture-width',
  pictureHeight: 'picture-height',
  pictureSave: 'picture-save',
  /** `data-dashboard` holds its title. */
  dashboard: 'dashboard',
  dashboardMenu: 'dashboard-menu',
  dashboardAdd: 'dashboard-add',
  dashboardRemove: 'dashboard-remove',

  /** Clients. */
  newClient: 'new-client',
  /** `data-client` holds the client identifier, `data-state` what it is doing. */
  clientItem: 'client-item',
  clientConnect: 'client-connect',
  clientDisconnect: 'client-disconnect',
  clientDrop: 'client-drop',
  clientHost: 'client-host',
  clientPort: 'client-port',
  clientPassword: 'client-password',
  clientTls: 'client-tls',
  clientNegotiated: 'client-negotiated',
  clientsImport: 'clients-import',
  clientsExport: 'clients-export',
  replies: 'replies',
  replyQos: 'reply-qos',
  replyMore: 'reply-more',
  subscribeFilter: 'subscribe-filter',
  subscribe: 'subscribe',
  publishTopic: 'publish-topic',
  publishPayload: 'publish-payload',
  publish: 'publish',
  publishHow: 'publish-how',
  publishTimes: 'publish-times',
  publishStop: 'publish-stop',
  publishRun: 'publish-run',
  publishProperties: 'publish-properties',
  reply: 'reply',
  savedMessages: 'saved-messages',
  saveMessage: 'save-message',
  savedMessageName: 'saved-message-name',
  timeline: 'timeline',
  timelineEntry: 'timeline-entry',

  /** Settings. `data-key` holds the key. */
  setting: 'setting',
  settingsRestart: 'settings-restart',
  listenerAdd: 'listener-add',
  /** On the table of each listener; `data-listener` holds its name. */
  listenerChange: 'listener-change',
  listenerRemove: 'listener-remove',
  listenerName: 'listener-name',
  listenerBind: 'listener-bind',
  listenerProtocol: 'listener-protocol',
  listenerSave: 'listener-save',
  /** Overview. `data-key` holds the key that sets the limit. */
  limitReached: 'limit-reached',

  /** Sessions. `data-client` holds the client identifier. */
  sessionItem: 'session-item',
  sessionEnd: 'session-end',
  sessionDisconnect: 'session-disconnect',
  sessionDropQueue: 'session-drop-queue',
  sessionFight: 'session-fight',
  /** What is said of the session in one word each; `data-queued` and `data-inflight` hold how many messages. */
  sessionFacts: 'session-facts',
  /** `data-topic` holds the topic. */
  retainedRow: 'retained-row',
  retainedClear: 'retained-clear',
  retainedStale: 'retained-stale',
  /** What goes; `data-total` holds how many. */
  retainedPreview: 'retained-preview',
  retainedConfirm: 'retained-confirm',

  /** Devices. `data-name` holds the name, `data-state` whether it is there, `data-stale` whether what is retained is stale. */
  deviceRow: 'device-row',
  deviceFilter: 'device-filter',
  deviceDetail: 'device-detail',
  deviceTraffic: 'device-traffic',
  deviceFlow: 'device-flow',
  deviceRules: 'device-rules',
  deviceTopics: 'device-topics',
  deviceColumnAdd: 'device-column-add',
  deviceColumnTopic: 'device-column-topic',
  deviceColumnPath: 'device-column-path',
  deviceRulesSave: 'device-rules-save',
  sessionTabs: 'session-tabs',

  /** Alerts. `data-id`, `data-name` of the rule, `data-thing`, `data-over`, `data-seen`. */
  alertRow: 'alert-row',
  alertOpen: 'alert-open',
  /** `data-values` holds how many values it shows. */
  alertData: 'alert-data',
  alertTraffic: 'alert-traffic',
  alertSeen: 'alert-seen',
  alertsSeen: 'alerts-seen',
  alertsBadge: 'alerts-badge',
  alertAdd: 'alert-add',
  /** `data-name`, `data-watched` and `data-raised` hold how many. */
  alertRule: 'alert-rule',
  alertRemove: 'alert-remove',
  alertFilter: 'alert-filter',
  alertPath: 'alert-path',
  alertDevice: 'alert-device',
  alertCondition: 'alert-condition',
  alertLimit: 'alert-limit',
  alertSeconds: 'alert-seconds',
  alertName: 'alert-name',
  alertPublish: 'alert-publish',
  alertSave: 'alert-save',

  /** Access. `data-rules` holds how many rules the text has, where there is no mistake in it. */
  accessPage: 'access-page',
  accessRules: 'access-rules',
  accessEditor: 'access-editor',
  accessExample: 'access-example',
  accessSave: 'access-save',
  accessMistake: 'access-mistake',
  accountAdd: 'account-add',
  accountName: 'account-name',
  accountPassword: 'account-password',
  accountSave: 'account-save',
  /** `data-name` holds the user name. */
  accountRow: 'account-row',
  accountRemove: 'account-remove',
  whatIfTopic: 'what-if-topic',
  whatIfAsk: 'what-if-ask',
  /** `data-allowed` */
  whatIfVerdict: 'what-if-verdict',
  /** `data-topic` and `data-client` */
  openAnyway: 'open-anyway',
  accessLearn: 'access-learn',
  learnSeen: 'learn-seen',
  learnStart: 'learn-start',
  learnStop: 'learn-stop',
  learnRule: 'learn-rule',
  learnAccept: 'learn-accept',
  rulesImport: 'rules-import',
  rulesImportText: 'rules-import-text',
  rulesImportRead: 'rules-import-read',
  rulesImportTake: 'rules-import-take',
  rulesNotes: 'rules-notes',
  rulesExport: 'rules-export',
  rulesExported: 'rules-exported',
  accountsImport: 'accounts-import',
  accountsImportText: 'accounts-import-text',
  accountsImportTake: 'accounts-import-take',
  accountsImported: 'accounts-imported',
  accessTokens: 'access-tokens',
  tokenText: 'token-text',
  tokenCheck: 'token-check',
  /** `data-taken` */
  tokenVerdict: 'token-verdict',
  /** `data-topic` and `data-client` */
  denialRow: 'denial-row',
  denialAllow: 'denial-allow',

  /** Everywhere. */
  toast: 'toast',
  toastAction: 'toast-action',
  failure: 'failure',
} as const;
