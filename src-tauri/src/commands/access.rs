//! Who may come in, and what each may do.

use mqttwb_app::{Result, api::*};

use super::Bench;

#[tauri::command]
pub async fn access(bench: Bench<'_>) -> Result<AccessReport> {
    bench.app()?.access().await
}

#[tauri::command]
pub async fn access_check(bench: Bench<'_>, text: String) -> Result<RulesChecked> {
    Ok(bench.app()?.access_check(text).await)
}

#[tauri::command]
pub async fn access_save(bench: Bench<'_>, text: String) -> Result<RulesApplied> {
    bench.app()?.access_save(text).await
}

#[tauri::command]
pub async fn access_what_if(bench: Bench<'_>, ask: WhatIf) -> Result<AccessVerdict> {
    bench.app()?.access_what_if(ask).await
}

#[tauri::command]
pub async fn access_who_can(bench: Bench<'_>, ask: WhoCan) -> Result<Vec<WhoEntry>> {
    bench.app()?.access_who_can(ask).await
}

#[tauri::command]
pub async fn access_token_check(bench: Bench<'_>, ask: TokenCheck) -> Result<TokenVerdict> {
    bench.app()?.access_token_check(ask).await
}

#[tauri::command]
pub async fn access_denials(bench: Bench<'_>) -> Result<Denials> {
    Ok(bench.app()?.access_denials().await)
}

#[tauri::command]
pub async fn access_denials_clear(bench: Bench<'_>) -> Result<()> {
    bench.app()?.access_denials_clear().await;
    Ok(())
}

#[tauri::command]
pub async fn access_propose(bench: Bench<'_>, id: u32) -> Result<RuleProposal> {
    bench.app()?.access_propose(id).await
}

#[tauri::command]
pub async fn access_findings(bench: Bench<'_>) -> Result<Vec<Finding>> {
    bench.app()?.access_findings().await
}

#[tauri::command]
pub async fn access_remove_rule(bench: Bench<'_>, line: u32) -> Result<RuleRemoved> {
    bench.app()?.access_remove_rule(line).await
}

#[tauri::command]
pub async fn account_put(bench: Bench<'_>, request: AccountRequest) -> Result<RulesApplied> {
    bench.app()?.account_put(request).await
}

#[tauri::command]
pub async fn account_remove(bench: Bench<'_>, name: String) -> Result<RulesApplied> {
    bench.app()?.account_remove(name).await
}

#[tauri::command]
pub async fn account_restore(bench: Bench<'_>, name: String) -> Result<RulesApplied> {
    bench.app()?.account_restore(name).await
}

#[tauri::command]
pub async fn accounts_import(bench: Bench<'_>, text: String) -> Result<AccountsImported> {
    bench.app()?.accounts_import(text).await
}

#[tauri::command]
pub async fn access_learn(bench: Bench<'_>) -> Result<LearnReport> {
    bench.app()?.access_learn().await
}

#[tauri::command]
pub async fn access_learn_start(bench: Bench<'_>) -> Result<LearnReport> {
    bench.app()?.access_learn_start().await
}

#[tauri::command]
pub async fn access_learn_stop(bench: Bench<'_>) -> Result<LearnReport> {
    bench.app()?.access_learn_stop().await
}

#[tauri::command]
pub async fn access_learn_accept(bench: Bench<'_>, chosen: Vec<String>) -> Result<RulesApplied> {
    bench.app()?.access_learn_accept(chosen).await
}

#[tauri::command]
pub async fn access_learn_forget(bench: Bench<'_>) -> Result<()> {
    bench.app()?.access_learn_forget().await;
    Ok(())
}

#[tauri::command]
pub async fn access_translate(bench: Bench<'_>, text: String) -> Result<RulesTranslated> {
    Ok(bench.app()?.access_translate(text).await)
}

#[tauri::command]
pub async fn access_export(bench: Bench<'_>, to: RulesFormat) -> Result<RulesTranslated> {
    bench.app()?.access_export(to).await
}
