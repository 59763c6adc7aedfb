//! The folder that a device is set up from.

use std::path::Path;

use mqttwb_pki::DeviceName;

use super::{CertificateStore, chain_pem, device_name};
use crate::api;
use crate::snippets::quote;
use crate::{Result, files};

/// The port of a tls listener where nothing else is configured.
pub const DEFAULT_TLS_PORT: u16 = 8883;

impl CertificateStore {
    /// Writes a device's folder, `NAME/`, into the folder that is asked for or the default one.
    ///
    /// `tls_port` goes into the command of its README. A folder that was exported before is written over, other files in
    /// it are left alone.
    pub fn export(&self, request: &api::ExportRequest, tls_port: u16) -> Result<api::DeviceFolder> {
        let name = device_name(&request.name)?;
        let parent = match &request.folder {
            Some(folder) => files::absolute(Path::new(folder))?,
            None => self.exports.clone(),
        };
        self.write_folder(&name, &parent.join(name.as_str()), tls_port)
    }

    /// Issues a device and writes its files into `folder` itself. A folder that can't be written to is found out before
    /// anything is signed.
    pub fn issue_into(
        &self,
        request: &api::DeviceRequest,
        folder: &Path,
        tls_port: u16,
    ) -> Result<api::DeviceFolder> {
        let folder = files::absolute(folder)?;
        self.issue_after(request, || {
            files::create_folder(&folder)?;
            files::write(&folder.join("ca.crt"), &self.held().chain.anchor().to_pem())
        })?;
        self.export_into(&request.name, &folder, tls_port)
    }

    /// Writes a device's files into `folder` itself.
    pub fn export_into(
        &self,
        device: &str,
        folder: &Path,
        tls_port: u16,
    ) -> Result<api::DeviceFolder> {
        let name = device_name(device)?;
        self.write_folder(&name, &files::absolute(folder)?, tls_port)
    }

    /// Writes a device's certificate and the authority's into `folder` itself: what a device needs that has its key.
    pub fn export_certificate(&self, device: &str, folder: &Path) -> Result<api::WrittenFiles> {
        let name = device_name(device)?;
        let folder = files::absolute(folder)?;
        let certificate = self.device_certificate(&name)?;
        let held = self.held();
        files::create_folder(&folder)?;
        let file = format!("{name}.crt");
        files::write(&folder.join("ca.crt"), &held.chain.anchor().to_pem())?;
        files::write(&folder.join(&file), &chain_pem(&certificate, &held.chain))?;
        Ok(api::WrittenFiles {
            folder: folder.display().to_string(),
            files: vec!["ca.crt".into(), file],
        })
    }

    fn write_folder(
        &self,
        name: &DeviceName,
        folder: &Path,
        tls_port: u16,
    ) -> Result<api::DeviceFolder> {
        let identity = self.device(name)?;
        files::create_folder(folder)?;
        let (certificate, key) = (format!("{name}.crt"), format!("{name}.key"));
        let held = self.held();
        let authority = held.chain.anchor().to_pem();
        files::write(&folder.join("ca.crt"), &authority)?;
        files::write_secret(&folder.join(&key), &identity.key.to_pem())?;
        files::write(
            &folder.join(&certificate),
            &chain_pem(&identity.certificate, &held.chain),
        )?;
        files::write(&folder.join("README.md"), &readme(name, tls_port))?;
        Ok(api::DeviceFolder {
            name: name.to_string(),
            folder: folder.display().to_string(),
            files: vec!["ca.crt".into(), certificate, key, "README.md".into()],
            command: command(name, folder, tls_port),
        })
    }
}

/// The line of the README: works in the folder, wherever that was copied to.
pub(super) fn readme_command(name: &DeviceName, tls_port: u16) -> String {
    format!(
        "mosquitto_pub -h localhost -p {tls_port} --cafile ca.crt --cert {name}.crt --key {name}.key -i {name} -q 1 -t devices/{name}/hello -m \"hello\""
    )
}

/// The line for a page: works from anywhere on this computer.
fn command(name: &DeviceName, folder: &Path, tls_port: u16) -> String {
    let path = |file: &str| quote(&folder.join(file).display().to_string()).into_owned();
    format!(
        "mosquitto_pub -h localhost -p {tls_port} --cafile {} --cert {} --key {} -i {name} -q 1 -t devices/{name}/hello -m \"hello\"",
        path("ca.crt"),
        path(&format!("{name}.crt")),
        path(&format!("{name}.key")),
    )
}

pub(super) fn readme(name: &DeviceName, tls_port: u16) -> String {
    format!(
        "# {name}

What this device needs to connect to the MQTT Workbench broker over mutual TLS.

| File | What it is | Who may have it |
|---|---|---|
| `ca.crt` | the authority that the device trusts the broker by | everyone |
| `{name}.crt` | the device's certificate, whose common name is `{name}`, and the authority's that has signed it | everyone |
| `{name}.key` | the device's private key | this device alone |

Send a first message, from this folder, while the broker runs on this computer:

```sh
{command}
```

From another computer, put the broker's host name in the place of `localhost`. It must be a name that the broker's
certificate holds, and the broker must listen on an address that is reachable from there.

The clock of a device must be right to within a day, or it takes the broker's certificate for not yet valid.
",
        command = readme_command(name, tls_port)
    )
}
