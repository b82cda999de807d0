//! Keys of zoo.cfg for those who operate a server: the admin port, the metrics provider, and how
//! containers are removed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64};

use super::values::number;
use crate::core::options::Options;

/// These settings.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // Named as ZooKeeper's keys.
pub(crate) struct ZooOps {
    pub(crate) admin_off: bool,
    pub(crate) admin_port: Option<u16>,
    pub(crate) admin_address: Option<IpAddr>,
    pub(crate) max_cnxns: Option<usize>,
    pub(crate) container_interval: Option<NonZeroU64>,
    pub(crate) containers_per_minute: Option<NonZeroU32>,
    provider: Option<String>,
    metrics_port: Option<u16>,
    metrics_host: Option<IpAddr>,
}

/// Keys that are known here.
pub const KEYS: [&str; 10] = [
    "admin.enableServer",
    "admin.serverPort",
    "admin.serverAddress",
    "maxCnxns",
    "znode.container.checkIntervalMs",
    "znode.container.maxPerMinute",
    "metricsProvider.className",
    "metricsProvider.httpPort",
    "metricsProvider.httpHost",
    "metricsProvider.exportJvmInfo",
];

impl ZooOps {
    /// Takes a key; `false`: it is none of these.
    ///
    /// # Errors
    /// When the value is none for this key.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> anyhow::Result<bool> {
        match key {
            "admin.enableServer" => self.admin_off = value == "false",
            "admin.serverPort" => self.admin_port = Some(number(key, value)?),
            "admin.serverAddress" => self.admin_address = Some(number(key, value)?),
            "maxCnxns" => self.max_cnxns = Some(number(key, value)?),
            "znode.container.checkIntervalMs" => {
                self.container_interval = Some(number(key, value)?);
            }
            "znode.container.maxPerMinute" => {
                self.containers_per_minute = Some(number(key, value)?);
            }
            "metricsProvider.className" => self.provider = Some(value.to_owned()),
            "metricsProvider.httpPort" => self.metrics_port = Some(number(key, value)?),
            "metricsProvider.httpHost" => self.metrics_host = Some(number(key, value)?),
            // There is no JVM to tell of.
            "metricsProvider.exportJvmInfo" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether metrics are dumped as ZooKeeper's Prometheus provider dumps them.
    pub(crate) fn prometheus(&self) -> bool {
        let provider = self.provider.as_deref().unwrap_or_default();
        provider.ends_with("PrometheusMetricsProvider")
    }

    /// How often containers and TTL znodes are looked at, and how many are removed in a minute.
    pub(crate) fn set_reaping(&self, options: &mut Options) {
        if let Some(interval) = self.container_interval {
            options.reap_ms = interval.get();
        }
        if let Some(most) = self.containers_per_minute {
            options.reap_per_minute = most.get();
        }
    }

    /// Where that provider listens.
    pub(crate) fn metrics(&self) -> Option<SocketAddr> {
        let host = self.metrics_host.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let port = self.metrics_port.unwrap_or(7000);
        self.prometheus().then(|| SocketAddr::new(host, port))
    }

    /// Where the admin port listens; `None`: nowhere.
    pub(crate) fn admin(&self) -> Option<SocketAddr> {
        let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let host = self.admin_address.unwrap_or(any);
        let port = self.admin_port.unwrap_or(8080);
        (!self.admin_off).then(|| SocketAddr::new(host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::ServerId;

    #[test]
    fn metrics_have_a_port_only_under_the_prometheus_provider() {
        let mut ops = ZooOps::default();
        assert!(ops.set("metricsProvider.httpPort", "7001").unwrap());
        assert_eq!(ops.metrics(), None);
        let class = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
        assert!(ops.set("metricsProvider.className", class).unwrap());
        assert_eq!(ops.metrics(), Some("0.0.0.0:7001".parse().unwrap()));
        assert!(ops.set("metricsProvider.httpPort", "70000").is_err());
        assert!(!ops.set("tickTime", "1").unwrap());
    }

    #[test]
    fn the_admin_port_can_be_moved_and_switched_off() {
        let mut ops = ZooOps::default();
        assert_eq!(ops.admin(), Some("[::]:8080".parse().unwrap()));
        ops.set("admin.serverAddress", "127.0.0.1").unwrap();
        ops.set("admin.serverPort", "9090").unwrap();
        assert_eq!(ops.admin(), Some("127.0.0.1:9090".parse().unwrap()));
        ops.set("admin.enableServer", "false").unwrap();
        assert_eq!(ops.admin(), None);
    }

    #[test]
    fn the_pace_at_which_containers_are_removed_can_be_set() {
        let mut options = Options::new(ServerId(1));
        let mut ops = ZooOps::default();
        ops.set_reaping(&mut options);
        assert_eq!((options.reap_ms, options.reap_per_minute), (60_000, 10_000));
        ops.set("znode.container.checkIntervalMs", "500").unwrap();
        ops.set("znode.container.maxPerMinute", "60").unwrap();
        ops.set_reaping(&mut options);
        assert_eq!((options.reap_ms, options.reap_per_minute), (500, 60));
        assert!(ops.set("znode.container.maxPerMinute", "0").is_err());
    }
}
