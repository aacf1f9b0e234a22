const SERIES = 'This server keeps no run series: list single runs with flwr ls.';
const AUTOMATIONS =
  'This server starts no runs by a timetable: let cron or a CI job call fedctl run, or flwr run, instead.';
const CONNECTORS = 'This server has no connectors: give the app what it needs through its run configuration.';
const APPS = 'This server keeps no apps for a federation: flwr run submits the app from its folder.';

/** RPCs of Flower's that are not served here, with the sentence that says what to do instead. */
export const unservedCalls: Readonly<Record<string, string>> = {
  StreamRunEvents: 'This server has no chat and streams no run events: follow a run with flwr log.',
  ListRunSeries: SERIES,
  GetRunSeries: SERIES,
  UpdateRunSeriesDescription: SERIES,
  ListRunSeriesEvents: SERIES,
  StartAutomation: AUTOMATIONS,
  ListAutomations: AUTOMATIONS,
  StopAutomation: AUTOMATIONS,
  ListConnectors: CONNECTORS,
  DisconnectConnector: CONNECTORS,
  BeginConnectorOAuth: CONNECTORS,
  CompleteConnectorOAuth: CONNECTORS,
  ListApps: APPS,
  StoreApp: APPS,
  DeleteApp: APPS,
  AddApp: APPS,
  RemoveApp: APPS,
  ListAppAssociations: APPS,
  SetFederationIcon: 'Federations have no icons on this server: describe one when you create it.',
};
