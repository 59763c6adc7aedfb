// One typed function for each command of the workbench.
import type {
  About,
  AuthorityImport,
  AuthorityRequest,
  BatchProgress,
  AccessReport,
  AlertRule,
  AlertsState,
  AccessVerdict,
  AccountRequest,
  AccountsImported,
  BrokerStart,
  BrokerStatus,
  Bundle,
  BundleRequest,
  Certificate,
  Certificates,
  Chart,
  ChartCell,
  ChartFile,
  ChartFormat,
  ChartList,
  ChartProbe,
  ChartReading,
  ChartSpot,
  ChartSpan,
  ChartView,
  Dashboard,
  DashboardFile,
  ClientConfig,
  CompareRequest,
  ConfigChange,
  ConfigChanged,
  ConfigReport,
  DecoderRule,
  Decoders,
  Denials,
  DeviceFolder,
  DeviceRequest,
  DeviceRules,
  DevicesFrame,
  DevicesLook,
  DisconnectHow,
  DisconnectReason,
  ExportRequest,
  FaultEntry,
  FaultRule,
  FileQuestion,
  Finding,
  Imported,
  InspectedFile,
  InspectFileRequest,
  KeptBy,
  ProtectKeys,
  Job,
  MessageRows,
  NumberReading,
  ListenerWrite,
  PacketDetail,
  Page,
  PageRequest,
  PayloadBytes,
  PayloadDiff,
  PayloadNode,
  PayloadOpened,
  PayloadRequest,
  PayloadSaved,
  PayloadText,
  PublishRequest,
  RecordProgress,
  RecordRequest,
  RecordingEntry,
  RecordingExport,
  RecordingImport,
  RecordingsState,
  RenewRequest,
  ReplayRequest,
  ReplyReceived,
  ReplyRequest,
  QueueDropped,
  RetainedCleared,
  RetainedEntry,
  RetainedRestored,
  RevocationDone,
  RevocationList,
  RevokeRequest,
  RuleProposal,
  RuleRemoved,
  RulesApplied,
  RulesChecked,
  RunRequest,
  SavedMessage,
  SchemaFile,
  SessionDetail,
  SessionEntry,
  SessionRequest,
  Snippet,
  SnippetRequest,
  Story,
  StoryRequest,
  SubscribeRequest,
  TestClient,
  TimelineEntry,
  TopicDetail,
  LearnReport,
  RulesFormat,
  RulesTranslated,
  TokenCheck,
  TokenVerdict,
  TrafficFilter,
  TrafficRows,
  WrittenFiles,
  WhatIf,
  WhoCan,
  WhoEntry,
  Theme,
} from './api';
import { call } from './call';

export const about = () => call<About>('about');

export const accessReport = () => call<AccessReport>('access');
export const accessCheck = (text: string) => call<RulesChecked>('access_check', { text });
export const accessSave = (text: string) => call<RulesApplied>('access_save', { text });
export const accessWhatIf = (ask: WhatIf) => call<AccessVerdict>('access_what_if', { ask });
export const accessWhoCan = (ask: WhoCan) => call<WhoEntry[]>('access_who_can', { ask });
export const accessTokenCheck = (ask: TokenCheck) => call<TokenVerdict>('access_token_check', { ask });
export const accessLearn = () => call<LearnReport>('access_learn');
export const accessLearnStart = () => call<LearnReport>('access_learn_start');
export const accessLearnStop = () => call<LearnReport>('access_learn_stop');
export const accessLearnAccept = (chosen: string[]) => call<RulesApplied>('access_learn_accept', { chosen });
export const accessLearnForget = () => call<null>('access_learn_forget');
export const accessTranslate = (text: string) => call<RulesTranslated>('access_translate', { text });
export const accessExport = (to: RulesFormat) => call<RulesTranslated>('access_export', { to });
export const accessDenials = () => call<Denials>('access_denials');
export const accessDenialsClear = () => call<null>('access_denials_clear');
export const accessPropose = (id: number) => call<RuleProposal>('access_propose', { id });
export const accessFindings = () => call<Finding[]>('access_findings');
export const accessRemoveRule = (line: number) => call<RuleRemoved>('access_remove_rule', { line });
export const accountPut = (request: AccountRequest) => call<RulesApplied>('account_put', { request });
export const accountRemove = (name: string) => call<RulesApplied>('account_remove', { name });
export const accountRestore = (name: string) => call<RulesApplied>('account_restore', { name });
export const accountsImport = (text: string) => call<AccountsImported>('accounts_import', { text });
export const brokerStart = (request: BrokerStart) => call<BrokerStatus>('broker_start', { request });
export const brokerStop = () => call<BrokerStatus>('broker_stop');
export const snippets = (request: SnippetRequest) => call<Snippet[]>('snippets', { request });

export const settings = () => call<ConfigReport>('broker_settings');
export const settingsChange = (request: ConfigChange) => call<ConfigChanged>('broker_settings_change', { request });
export const listenerWrite = (request: ListenerWrite) => call<ConfigChanged>('broker_listener_write', { request });
export const listenerRemove = (name: string) => call<ConfigChanged>('broker_listener_remove', { name });
export const settingsUndo = (undo: number) => call<ConfigReport>('broker_settings_undo', { undo });

export const sessions = (page: PageRequest) => call<Page<SessionEntry>>('broker_sessions', { page });
export const session = (request: SessionRequest) => call<SessionDetail>('broker_session', { request });
export const disconnect = (client: string, reason: DisconnectReason) =>
  call<null>('broker_disconnect', { client, reason });
export const endSession = (client: string) => call<null>('broker_end_session', { client });
export const dropQueue = (client: string) => call<QueueDropped>('broker_drop_queue', { client });
export const restoreQueue = (undo: number) => call<number>('broker_restore_queue', { undo });
export const retained = (filter: string, page: PageRequest) =>
  call<Page<RetainedEntry>>('broker_retained', { filter, page });
export const clearRetained = (filter: string) => call<RetainedCleared>('broker_clear_retained', { filter });
export const restoreRetained = (undo: number) => call<RetainedRestored>('broker_restore_retained', { undo });

export const certificates = () => call<Certificates>('certificates');
export const deviceIssue = (request: DeviceRequest) => call<Certificate>('device_issue', { request });
export const deviceRenew = (request: RenewRequest) => call<Certificate>('device_renew', { request });
export const deviceRevoke = (request: RevokeRequest) => call<RevocationDone>('device_revoke', { request });
export const deviceBundle = (request: BundleRequest) => call<Bundle>('device_bundle', { request });
export const deviceBatch = (list: string) => call<BatchProgress>('device_batch', { list });
export const deviceBatchProgress = () => call<BatchProgress>('device_batch_progress');
export const deviceBatchCancel = () => call<BatchProgress>('device_batch_cancel');
/** Signs the list anew. Where one is named and another is in its place already, nothing is done. */
export const revocationsSign = (insteadOf: number) => call<RevocationList>('revocations_sign', { insteadOf });
export const serverRenew = (names: string[]) => call<Certificate>('server_renew', { names });
export const authorityCreate = (request: AuthorityRequest) => call<string>('authority_create', { request });
export const authorityImport = (request: AuthorityImport) => call<string>('authority_import', { request });
export const authorityExport = () => call<WrittenFiles>('authority_export');
export const authorityUnlock = (passphrase: string) => call<Certificates>('authority_unlock', { passphrase });
export const authorityLock = () => call<Certificates>('authority_lock');
export const authorityProtect = (request: ProtectKeys) => call<Certificates>('authority_protect', { request });
/** What has the key that the passwords of test clients are encrypted with; null where none is kept. */
export const passwordsKeptBy = () => call<KeptBy | null>('passwords_kept_by');
export const certificateInspect = (request: InspectFileRequest) =>
  call<InspectedFile>('certificate_inspect', { request });
export const deviceExport = (request: ExportRequest) => call<DeviceFolder>('device_export', { request });

export const clientCreate = (config: ClientConfig) => call<TestClient>('client_create', { config });
export const clientUpdate = (id: number, config: ClientConfig) => call<TestClient>('client_update', { id, config });
export const clientRemove = (id: number) => call<ClientConfig>('client_remove', { id });
export const clientConnect = (id: number) => call<TestClient>('client_connect', { id });
export const clientDisconnect = (id: number, how: DisconnectHow) => call<TestClient>('client_disconnect', { id, how });
export const clientSubscribe = (id: number, request: SubscribeRequest) =>
  call<TestClient>('client_subscribe', { id, request });
export const clientUnsubscribe = (id: number, filter: string) => call<TestClient>('client_unsubscribe', { id, filter });
export const clientPublish = (id: number, request: PublishRequest) => call<null>('client_publish', { id, request });
export const clientRestore = (id: number) => call<TestClient>('client_restore', { id });
export const clientRun = (id: number, request: RunRequest) => call<TestClient>('client_run', { id, request });
export const clientRunStop = (id: number) => call<TestClient>('client_run_stop', { id });
export const clientRequest = (id: number, request: ReplyRequest) =>
  call<ReplyReceived>('client_request', { id, request });
export const clientsExport = (ids: number[], secrets: boolean, path?: string) =>
  call<string>('clients_export', { ids, secrets, path: path ?? null });
export const clientsImport = (text: string) => call<Imported>('clients_import', { text });
export const savedMessages = () => call<SavedMessage[]>('saved_messages');
export const savedMessageKeep = (saved: SavedMessage) => call<SavedMessage[]>('saved_message_keep', { saved });
export const savedMessageForget = (name: string) => call<SavedMessage[]>('saved_message_forget', { name });
export const topicsLike = (text: string, count: number) => call<string[]>('topics_like', { text, count });
export const clientTimeline = (id: number, after: number, count: number) =>
  call<TimelineEntry[]>('client_timeline', { id, after, count });

export const trafficOpen = (filter: TrafficFilter) => call<number>('traffic_open', { filter });
export const trafficFilter = (view: number, filter: TrafficFilter) => call<null>('traffic_filter', { view, filter });
export const trafficClose = (view: number) => call<null>('traffic_close', { view });
export const trafficRows = (view: number, start: number, count: number) =>
  call<TrafficRows>('traffic_rows', { view, start, count });
export const packetDetail = (seq: number, whole: boolean) => call<PacketDetail>('packet_detail', { seq, whole });
export const messagesOpen = (filter: TrafficFilter) => call<number>('messages_open', { filter });
export const messagesFilter = (view: number, filter: TrafficFilter) => call<null>('messages_filter', { view, filter });
export const messagesClose = (view: number) => call<null>('messages_close', { view });
export const messageRows = (view: number, start: number, count: number) =>
  call<MessageRows>('message_rows', { view, start, count });
export const story = (request: StoryRequest) => call<Story>('story', { request });
export const flowSave = (name: string, svg: string) => call<string>('flow_save', { name, svg });
export const topicsOpen = () => call<number>('topics_open');
export const topicsFilter = (view: number, text: string) => call<null>('topics_filter', { view, text });
/** How many branches stay closed. */
export const topicsOpenAll = (view: number, node: number | undefined) =>
  call<number>('topics_open_all', { view, node: node ?? null });
export const topicsSeek = (view: number, from: number, text: string) =>
  call<number | null>('topics_seek', { view, from, text });
export const topicsBranch = (view: number, node: number, open: boolean) =>
  call<null>('topics_branch', { view, node, open });
export const topicsClose = (view: number) => call<null>('topics_close', { view });
export const topic = (name: string) => call<TopicDetail>('topic', { topic: name });
export const trafficClear = () => call<null>('traffic_clear');

export const payloadOpen = (request: PayloadRequest) => call<PayloadOpened>('payload_open', { request });
export const payloadNodes = (request: PayloadRequest, at: readonly number[], start: number, count: number) =>
  call<PayloadNode[]>('payload_nodes', { request, at, start, count });
export const payloadValue = (request: PayloadRequest, at: readonly number[]) =>
  call<string>('payload_value', { request, at });
export const payloadText = (request: PayloadRequest, raw: boolean, start: number) =>
  call<PayloadText>('payload_text', { request, raw, start });
export const payloadBytes = (request: PayloadRequest, expanded: boolean, start: number, count: number) =>
  call<PayloadBytes>('payload_bytes', { request, expanded, start, count });
export const payloadReadings = (request: PayloadRequest, at: number) =>
  call<NumberReading[]>('payload_readings', { request, at });
export const payloadDiff = (request: PayloadRequest) => call<PayloadDiff>('payload_diff', { request });
export const payloadSave = (request: PayloadRequest, expanded: boolean) =>
  call<PayloadSaved>('payload_save', { request, expanded });
export const payloadNewest = (topic: string, after: number) => call<number | null>('payload_newest', { topic, after });
export const decoders = () => call<Decoders>('decoders');
export const decoderRuleSet = (rule: DecoderRule) => call<Decoders>('decoder_rule_set', { rule });
export const decoderRuleRemove = (filter: string) => call<Decoders>('decoder_rule_remove', { filter });
export const schemaAdd = (file: SchemaFile) => call<Decoders>('schema_add', { file });
export const schemaRemove = (name: string) => call<SchemaFile>('schema_remove', { name });

export const faults = () => call<FaultEntry[]>('faults');
export const faultsSet = (rules: FaultRule[]) => call<FaultEntry[]>('faults_set', { rules });

export const charts = () => call<ChartList>('charts');
export const chartCreate = (chart: Chart) => call<Chart>('chart_create', { chart });
export const chartRemove = (id: number) => call<Chart>('chart_remove', { id });
export const chartUpdate = (chart: Chart) => call<Chart>('chart_update', { chart });
export const chartsArrange = (cells: Record<number, ChartCell>) => call<null>('charts_arrange', { cells });
export const chartReading = (view: ChartView, at: number) => call<ChartReading>('chart_reading', { view, at });
export const chartSpot = (view: ChartView, probe: ChartProbe) => call<ChartSpot | null>('chart_spot', { view, probe });
export const chartExport = (view: ChartView, format: ChartFormat) => call<ChartFile>('chart_export', { view, format });
export const dashboardCreate = (title: string) => call<Dashboard>('dashboard_create', { title });
export const dashboardRename = (id: number, title: string) => call<Dashboard>('dashboard_rename', { id, title });
export const dashboardRemove = (id: number) => call<DashboardFile>('dashboard_remove', { id });
export const dashboardExport = (id: number) => call<ChartFile>('dashboard_export', { id });
export const dashboardImport = (text: string) => call<Dashboard>('dashboard_import', { text });
export const dashboardReport = (id: number, span: ChartSpan | undefined, theme: Theme, utcOffsetMinutes: number) =>
  call<ChartFile>('dashboard_report', { id, span, theme, utcOffsetMinutes });

export const alerts = () => call<AlertsState>('alerts');
export const alertRuleSet = (rule: AlertRule) => call<AlertRule>('alert_rule_set', { rule });
export const alertRuleRemove = (id: number) => call<AlertRule>('alert_rule_remove', { id });
export const alertsAcknowledge = (ids: number[]) => call<null>('alerts_acknowledge', { ids });

export const devices = (look: DevicesLook) => call<DevicesFrame>('devices', { look });
export const deviceRules = () => call<DeviceRules>('device_rules');
export const deviceRulesSet = (rules: DeviceRules) => call<DeviceRules>('device_rules_set', { rules });

export const recordingsState = () => call<RecordingsState>('recordings_state');
export const recordings = () => call<RecordingEntry[]>('recordings');
export const recordStart = (request: RecordRequest) => call<RecordProgress>('record_start', { request });
export const recordStop = () => call<RecordProgress>('record_stop');
export const recordingOpen = (name: string) => call<null>('recording_open', { name });
export const recordingClose = () => call<null>('recording_close');
export const recordingRename = (name: string, renamed: string) => call<null>('recording_rename', { name, renamed });
export const recordingDelete = (name: string) => call<null>('recording_delete', { name });
export const recordingRestore = (name: string) => call<null>('recording_restore', { name });
export const fileChoose = (question: FileQuestion) => call<string | null>('file_choose', { question });
export const recordingExport = (request: RecordingExport) => call<Job>('recording_export', { request });
export const recordingImport = (request: RecordingImport) => call<Job>('recording_import', { request });
export const recordingReplay = (request: ReplayRequest) => call<Job>('recording_replay', { request });
export const recordingCompare = (request: CompareRequest) => call<Job>('recording_compare', { request });
export const jobCancel = (id: number) => call<null>('job_cancel', { id });
export const jobPause = (id: number, pause: boolean) => call<null>('job_pause', { id, pause });
export const jobForget = (id: number) => call<null>('job_forget', { id });
